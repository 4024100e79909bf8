/* opendir, readdir, telldir, seekdir, rewinddir. */
#include "posix.h"

static int compare(const void *a, const void *b) {
    return strcmp(a, b);
}

static const char *listing(DIR *dir) {
    static char text[4096];
    char names[64][64];
    int count = 0;
    for (struct dirent *entry; count < 64 && (entry = readdir(dir));)
        snprintf(names[count++], 64, "%.40s:%s", entry->d_name,
                 entry->d_type == DT_DIR   ? "directory"
                 : entry->d_type == DT_REG ? "file"
                 : entry->d_type == DT_LNK ? "link"
                                           : "other");
    qsort(names, (size_t)count, 64, compare);
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", i ? " " : "", names[i]);
    return text;
}

static DIR *open_again(int dir) {
    return fdopendir(must(openat(dir, ".", O_RDONLY | O_DIRECTORY)));
}

static void cases(int parent) {
    DIR *dir = open_again(parent);
    report_value("readdir empty", 0, "%s", listing(dir));
    create(parent, "file", "x");
    must(mkdirat(parent, "dir", 0755));
    must(symlinkat("file", parent, "link"));
    rewinddir(dir);
    report_value("rewinddir sees new entries", 0, "%s", listing(dir));
    errno = 0;
    struct dirent *entry = readdir(dir);
    report_value("readdir after the end", 0, "%d %d", entry == NULL, errno);
    rewinddir(dir);
    must(readdir(dir) ? 0 : -1);
    long place = telldir(dir);
    entry = readdir(dir);
    char name[256] = "";
    if (entry) snprintf(name, sizeof name, "%.255s", entry->d_name);
    while (readdir(dir)) continue;
    seekdir(dir, place);
    entry = readdir(dir);
    report_value("seekdir back", 0, "%d", entry && strcmp(entry->d_name, name) == 0);
    closedir(dir);

    int fd = must(openat(parent, "file", O_RDONLY));
    dir = fdopendir(fd);
    report("fdopendir file", dir ? 0 : -1);
    close(fd);
}

static void many(int parent) {
    char name[32];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "entry-%03d", i);
        create(parent, name, "");
    }
    int seen[500] = {0}, others = 0;
    DIR *dir = open_again(parent);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strncmp(entry->d_name, "entry-", 6) == 0)
            seen[atoi(entry->d_name + 6)]++;
        else
            others++;
    int once = 0;
    for (int i = 0; i < 500; i++) once += seen[i] == 1;
    report_value("readdir many", 0, "%d %d", once, others);

    /* Entries there at the start are read once, whatever is added meanwhile. */
    rewinddir(dir);
    memset(seen, 0, sizeof seen);
    int added = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, "entry-", 6) != 0) continue;
        seen[atoi(entry->d_name + 6)]++;
        if (added == 50) continue;
        snprintf(name, sizeof name, "added-%03d", added++);
        create(parent, name, "");
    }
    once = 0;
    for (int i = 0; i < 500; i++) once += seen[i] == 1;
    report_value("readdir while adding", 0, "%d", once);

    /* What `rm -r` does: remove each entry as it is read. */
    rewinddir(dir);
    int removed = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') removed += unlinkat(parent, entry->d_name, 0) == 0;
    report_value("readdir while removing", 0, "%d", removed);
    rewinddir(dir);
    report_value("readdir after removing", 0, "%s", listing(dir));
    closedir(dir);
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    group(argv[1], "cases", cases);
    group(argv[1], "many", many);
    report("opendir missing", opendir("missing-at-all") ? 0 : -1);
    return 0;
}
