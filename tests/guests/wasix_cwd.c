/* The working directory. */
#include "wasix.h"

static char directory[256];

static void where(const char *name) {
    uint32_t length = sizeof directory;
    error_t error = wasix_getcwd(directory, &length);
    if (length < sizeof directory) directory[length] = 0;
    report_value(name, error, "%s", directory);
}

int main(int argc, char **argv) {
    fd_t scratch = scratch_below_root(argc, argv);
    if (scratch < 0) return 1;
    char path[128];
    snprintf(path, sizeof path, "%s/d", argv[1]);
    make_dir(scratch, "d");
    create(scratch, "f", "");

    report("chdir root", wasix_chdir(TEXT("/")));
    where("getcwd root");
    report("chdir directory", wasix_chdir(path, strlen(path)));
    uint32_t length = 256;
    must(wasix_getcwd(directory, &length));
    report_value("getcwd directory", 0, "%d %d", length == strlen(path), memcmp(directory, path, length));
    report("chdir to its parent", wasix_chdir(TEXT("..")));
    length = 256;
    must(wasix_getcwd(directory, &length));
    report_value("getcwd parent", 0, "%d", length == strlen(argv[1]));
    report("chdir relative", wasix_chdir(TEXT("d")));
    length = 256;
    must(wasix_getcwd(directory, &length));
    report_value("getcwd relative", 0, "%d %d", length == strlen(path), memcmp(directory, path, length));

    length = 1;
    report("getcwd too short", wasix_getcwd(directory, &length));
    report_value("getcwd says how long", 0, "%d", length >= strlen(path));
    length = sizeof directory;
    report("getcwd outside of memory", wasix_getcwd(OUTSIDE, &length));
    report("getcwd length outside of memory", wasix_getcwd(directory, OUTSIDE));
    report("chdir missing", wasix_chdir(TEXT("missing")));
    report("chdir file", wasix_chdir(TEXT("../f")));
    report("chdir empty", wasix_chdir("", 0));
    report("chdir outside of memory", wasix_chdir(OUTSIDE, 64));
    length = 256;
    must(wasix_getcwd(directory, &length));
    report_value("getcwd after failures", 0, "%d", length == strlen(path));
    must(wasix_chdir(TEXT("/")));
    must(__wasi_path_remove_directory(scratch, "d"));
    must(__wasi_path_unlink_file(scratch, "f"));
    return 0;
}
