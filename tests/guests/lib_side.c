/* A library that uses its program's code and data, and has addresses in its own. */
extern int base(int);
extern int shared_var;
static int state = 5;
int visible = 7;
int twice(int x) { return 2*base(x) + state++ + shared_var; }
int (*fp(void))(int) { return twice; }
int *vp = &visible;
__attribute__((constructor)) static void init(void) { state = 100; }
