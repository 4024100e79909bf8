/* The C library's buffered files. Standard input holds "one\ntwo\n". */
#include "posix.h"

static char path[256];
static const char *scratch;

static const char *in_scratch(const char *name) {
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static const char *all(const char *name) {
    static char text[256];
    FILE *file = fopen(in_scratch(name), "r");
    if (!file) return error_name(errno);
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = 0;
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n') text[i] = '|';
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    if (argc < 2) return 1;
    scratch = argv[1];
    char line[64];
    char *got = fgets(line, sizeof line, stdin);
    report_value("fgets standard input", got ? 0 : -1, "%.3s", line);
    report_value("getchar standard input", 0, "%c", getchar());
    while (getchar() != EOF) continue;
    report_value("feof standard input", 0, "%d %d", feof(stdin) != 0, ferror(stdin) != 0);

    report("fopen missing", fopen(in_scratch("f"), "r") ? 0 : -1);
    report("fopen missing for update", fopen(in_scratch("f"), "r+") ? 0 : -1);
    FILE *file = fopen(in_scratch("f"), "w");
    fprintf(file, "line %d\nline %d\n", 1, 2);
    report("fclose written", fclose(file));
    report_value("fprintf wrote", 0, "%s", all("f"));
    file = fopen(in_scratch("f"), "a+");
    fputs("line 3\n", file);
    rewind(file);
    got = fgets(line, sizeof line, file);
    report_value("fgets after append", got ? 0 : -1, "%.6s", line);
    report_value("ftell after a line", 0, "%ld", ftell(file));
    fclose(file);
    report_value("fputs appended", 0, "%s", all("f"));
    file = fopen(in_scratch("f"), "r+");
    fseek(file, 5, SEEK_SET);
    fputc('X', file);
    fseek(file, -2, SEEK_END);
    fputc('Y', file);
    report("fseek negative", fseek(file, -1, SEEK_SET));
    fclose(file);
    report_value("fputc in place", 0, "%s", all("f"));
    file = fopen(in_scratch("x"), "wx");
    report("fopen exclusively", file ? 0 : -1);
    if (file) fclose(file);
    report("fopen exclusively again", fopen(in_scratch("x"), "wx") ? 0 : -1);
    file = fopen(in_scratch("f"), "r");
    report_value("fputc read-only", 0, "%d", fputc('x', file) == EOF);
    fclose(file);

    static char block[100000];
    memset(block, 'b', sizeof block);
    file = fopen(in_scratch("big"), "w+");
    report_value("fwrite large", 0, "%zu", fwrite(block, 1, sizeof block, file));
    fseek(file, 0, SEEK_END);
    report_value("ftell large", 0, "%ld", ftell(file));
    rewind(file);
    report_value("fread large", 0, "%zu", fread(block, 1, sizeof block, file));
    fclose(file);

    char from[256];
    snprintf(from, sizeof from, "%s", in_scratch("big"));
    report("rename file", rename(from, in_scratch("moved")));
    report("remove file", remove(in_scratch("moved")));
    report("remove missing", remove(in_scratch("moved")));
    report("mkdir", mkdir(in_scratch("d"), 0755));
    report("remove directory", remove(in_scratch("d")));
    report("remove f", remove(in_scratch("f")));
    report("remove x", remove(in_scratch("x")));
    return 0;
}
