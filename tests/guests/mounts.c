/* Two volumes, argv[1] and argv[2]: each is a filesystem of its own. */
#include "case.h"

int main(int argc, char **argv) {
    fd_t one = scratch_from(argc, argv);
    fd_t other = argc > 2 ? find_preopen(argv[2]) : -1;
    if (one < 0 || other < 0) return 1;
    create(one, "f", "hello");
    create(other, "g", "other");
    make_dir(one, "d");
    report_value("path_filestat_get in one of two volumes", 0, "%s %s", kind(one, "f"), kind(one, "g"));
    report_value("path_filestat_get in the other volume", 0, "%s %s", kind(other, "f"), kind(other, "g"));
    report("path_rename between volumes", __wasi_path_rename(one, "f", other, "f"));
    report("path_rename over a file of another volume", __wasi_path_rename(one, "f", other, "g"));
    report("path_rename directory between volumes", __wasi_path_rename(one, "d", other, "d"));
    report("path_link between volumes", __wasi_path_link(one, 0, "f", other, "h"));
    report_value("path_rename between volumes left the file", 0, "%s", content(one, "f"));
    report_value("path_rename between volumes made none", 0, "%s %s %s", kind(other, "f"), kind(other, "d"),
                 content(other, "g"));
    report("path_open from one volume into the other",
           path_open_rights(one, "../other/g", 0, RIGHTS_READ, 0, &(fd_t){0}));
    remove_tree(one, 0);
    remove_tree(other, 0);
    return 0;
}
