/* A library that needs another, and calls what may be missing. */
extern int mid(int), odd(int), base(int); extern int missing_function(void);
extern int weak_function(void) __attribute__((weak));
int sum(int x) { return mid(x) + base(x) + (weak_function ? 1 : 0); }
int even(int x) { return x == 0 ? 1 : odd(x - 1); }
int odd_in_top(int x) { return even(x); }
int uses_missing(void) { return missing_function(); }
