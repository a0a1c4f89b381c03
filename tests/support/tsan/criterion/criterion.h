/* SPDX-License-Identifier: MIT */
/*
 * What of Criterion the tests use, for ThreadSanitizer alone: Criterion maps
 * its arena where that sanitizer allows no memory. Each test runs in a child of
 * its own, one after the other; the synthesis has Criterion's form.
 */
#ifndef TSAN_CRITERION_H
#define TSAN_CRITERION_H

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct tsan_test {
	const char *suite;
	const char *name;
	void (*run)(void);
	void (*init)(void);
	void (*fini)(void);
	int signal;
	int exit_code;
	double timeout;
	bool disabled;
	const char *description;
	void *data;
	struct tsan_test *next;
};

static struct tsan_test *tsan_tests;
static struct tsan_test tsan_suite; /* what TestSuite gives to all */

#define Test(suite_, name_, ...)                                                                   \
	static void suite_##_##name_##_run(void);                                                  \
	static struct tsan_test suite_##_##name_##_test = { .suite = #suite_,                      \
		.name = #name_,                                                                    \
		.run = suite_##_##name_##_run,                                                     \
		__VA_ARGS__ };                                                                     \
	__attribute__((constructor)) static void suite_##_##name_##_add(void)                      \
	{                                                                                          \
		suite_##_##name_##_test.next = tsan_tests;                                         \
		tsan_tests = &suite_##_##name_##_test;                                             \
	}                                                                                          \
	static void suite_##_##name_##_run(void)

#define TestSuite(suite_, ...)                                                                     \
	__attribute__((constructor)) static void suite_##_set(void)                                \
	{                                                                                          \
		tsan_suite = (struct tsan_test){ __VA_ARGS__ };                                    \
	}                                                                                          \
	static void suite_##_set(void)

/* What failed, and the test's own message behind it. */
__attribute__((noreturn, format(printf, 4, 5))) static inline void tsan_fail(const char *file,
	int line, const char *what, const char *message, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: %s", file, line, what);
	va_start(ap, message);
	vfprintf(stderr, message, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

#define tsan_check(ok, what, ...)                                                                  \
	do {                                                                                       \
		if (!(ok))                                                                         \
			tsan_fail(__FILE__, __LINE__, what, " " __VA_ARGS__);                      \
	} while (0)

#define cr_assert(c, ...) tsan_check((c), #c, __VA_ARGS__)
#define cr_assert_not(c, ...) tsan_check(!(c), "not " #c, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) tsan_check((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) tsan_check((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) tsan_check((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) tsan_check((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) tsan_check((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) tsan_check((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...) tsan_check((p) == NULL, #p " is null", __VA_ARGS__)
#define cr_assert_not_null(p, ...) tsan_check((p) != NULL, #p " is not null", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) tsan_check(!strcmp((a), (b)), #a " is " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) tsan_check(strcmp((a), (b)), #a " is not " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) tsan_check(!*(a), #a " is empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) tsan_check(!memcmp((a), (b), (n)), #a " is " #b, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, n, ...)                                                            \
	tsan_check(memcmp((a), (b), (n)), #a " is not " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, eps, ...)                                                         \
	tsan_check(fabs((a) - (b)) <= (eps), #a " is near " #b, __VA_ARGS__)
#define cr_assert_fail(...) tsan_fail(__FILE__, __LINE__, "failed", " " __VA_ARGS__)
#define cr_expect_fail cr_assert_fail
#define cr_fail cr_assert_fail
#define cr_skip_test(...) _exit(0)
#define cr_skip cr_skip_test
#define cr_log_info(...) ((void)0)
#define cr_log_warn(...) ((void)0)
#define cr_expect cr_assert
#define cr_expect_not cr_assert_not
#define cr_expect_eq cr_assert_eq
#define cr_expect_neq cr_assert_neq
#define cr_expect_lt cr_assert_lt
#define cr_expect_leq cr_assert_leq
#define cr_expect_gt cr_assert_gt
#define cr_expect_geq cr_assert_geq
#define cr_expect_null cr_assert_null
#define cr_expect_not_null cr_assert_not_null
#define cr_expect_str_eq cr_assert_str_eq
#define cr_expect_str_neq cr_assert_str_neq
#define cr_expect_arr_eq cr_assert_arr_eq
#define cr_expect_float_eq cr_assert_float_eq

static inline bool tsan_run(const struct tsan_test *t)
{
	void (*init)(void) = t->init ? t->init : tsan_suite.init;
	void (*fini)(void) = t->fini ? t->fini : tsan_suite.fini;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(t->timeout > 0 ? (unsigned)t->timeout * 4 + 1 : 300);
		if (init)
			init();
		t->run();
		if (fini)
			fini();
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	if (t->signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == t->signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == t->exit_code;
}

int main(void)
{
	struct tsan_test *t;
	int passed = 0, failed = 0;

	for (t = tsan_tests; t; t = t->next) {
		if (t->disabled)
			continue;
		if (tsan_run(t)) {
			passed++;
		} else {
			failed++;
			fprintf(stderr, "%s::%s failed\n", t->suite, t->name);
		}
	}
	printf("Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", passed + failed,
		passed, failed);
	return failed != 0;
}

#endif
