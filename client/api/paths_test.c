#include "paths.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int clear_env(void **state)
{
	(void)state;
	setenv("HOME", "/home/ann", 1);
	unsetenv("SOTTO_HOME");
	unsetenv("SOTTO_PROFILE");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	return 0;
}

static void test_paths_under_sotto_home(void **state)
{
	struct paths p;

	(void)state;
	setenv("SOTTO_HOME", "/x", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	assert_int_equal(paths_init(&p, "bot"), OK);
	assert_string_equal(p.config_file, "/x/bot/sotto.conf");
	assert_string_equal(p.data_dir, "/x/bot");
	assert_string_equal(p.socket_dir, "/x/run");
	assert_string_equal(p.socket, "/x/run/bot.sock");
	paths_finish(&p);
}

static void test_paths_relative_sotto_home_becomes_absolute(void **state)
{
	struct paths p;
	char *cwd = getcwd(NULL, 0);

	(void)state;
	setenv("SOTTO_HOME", "home", 1);
	assert_int_equal(paths_init(&p, NULL), OK);
	assert_int_equal(strncmp(p.data_dir, cwd, strlen(cwd)), 0);
	assert_string_equal(p.data_dir + strlen(cwd), "/home/default");
	paths_finish(&p);
	free(cwd);
}

static void test_paths_by_xdg(void **state)
{
	struct paths p;

	(void)state;
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_DATA_HOME", "/d", 1);
	setenv("XDG_RUNTIME_DIR", "/r", 1);
	setenv("SOTTO_PROFILE", "work", 1);
	assert_int_equal(paths_init(&p, NULL), OK);
	assert_string_equal(p.profile, "work");
	assert_string_equal(p.config_file, "/c/sotto/work/sotto.conf");
	assert_string_equal(p.data_dir, "/d/sotto/work");
	assert_string_equal(p.socket, "/r/sotto/work.sock");
	paths_finish(&p);
}

static void test_paths_without_runtime_dir(void **state)
{
	struct paths p;

	(void)state;
	setenv("XDG_DATA_HOME", "relative/is/ignored", 1);
	assert_int_equal(paths_init(&p, NULL), OK);
	assert_string_equal(p.config_file,
			    "/home/ann/.config/sotto/default/sotto.conf");
	assert_string_equal(p.socket,
			    "/home/ann/.local/share/sotto/default/run.sock");
	assert_string_equal(p.socket_dir, p.data_dir);
	paths_finish(&p);
}

static void test_paths_refuse_bad_profile(void **state)
{
	static const char *const bad[] = { "a/b", "..", ".", "a b", "\303\244",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct paths p = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(paths_init(&p, bad[i]), ERR_USAGE);
	assert_null(p.profile);
}

static void test_paths_without_home(void **state)
{
	struct paths p = {0};

	(void)state;
	unsetenv("HOME");
	assert_int_equal(paths_init(&p, NULL), ERR_FORMAT);
}

static void test_paths_make_dir_is_private(void **state)
{
	char dir[] = "/tmp/sotto-paths-XXXXXX", path[64];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b", dir);
	assert_int_equal(paths_make_dir(path), OK);
	assert_int_equal(paths_make_dir(path), OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	assert_int_equal(rmdir(dir), 0);
}

static void test_paths_make_dir_refuses_what_is_not_ours_alone(void **state)
{
	char dir[] = "/tmp/sotto-paths-XXXXXX", link[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(link, sizeof(link), "%s-link", dir);
	assert_int_equal(symlink(dir, link), 0);
	assert_int_equal(paths_make_dir(link), OK);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(paths_make_dir(dir), ERR_SYSTEM);
	assert_int_equal(errno, EPERM);
	assert_int_equal(paths_make_dir(link), ERR_SYSTEM);
	if (!geteuid()) {
		assert_int_equal(chmod(dir, 0700), 0);
		assert_int_equal(chown(dir, 12345, 12345), 0);
		assert_int_equal(paths_make_dir(dir), ERR_SYSTEM);
		assert_int_equal(errno, EPERM);
	}
	unlink(link);
	rmdir(dir);
}

static void test_paths_make_dir_over_a_file(void **state)
{
	char file[] = "/tmp/sotto-paths-XXXXXX", path[64];

	(void)state;
	close(mkstemp(file));
	snprintf(path, sizeof(path), "%s/a", file);
	assert_int_equal(paths_make_dir(path), ERR_SYSTEM);
	assert_int_equal(paths_make_dir(file), ERR_SYSTEM);
	assert_int_equal(errno, ENOTDIR);
	unlink(file);
}

/* Binds and connects in a directory whose path no socket address holds. */
static void test_paths_long_socket_path_works(void **state)
{
	char dir[] = "/tmp/sotto-paths-XXXXXX", home[160], cwd[200];
	struct sockaddr_un address;
	struct paths p;
	int dir_fd, listener, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(home, sizeof(home), "%s/%0110d", dir, 0);
	setenv("SOTTO_HOME", home, 1);
	assert_int_equal(paths_init(&p, "long"), OK);
	assert_int_equal(paths_socket_address(&p, &address, &dir_fd),
			 ERR_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(paths_make_dir(p.socket_dir), OK);

	assert_int_equal(paths_socket_address(&p, &address, &dir_fd), OK);
	assert_true(dir_fd >= 0);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address)), 0);
	close(fd);
	close(listener);
	close(dir_fd);
	assert_int_equal(access(p.socket, F_OK), 0);
	unlink(p.socket);
	rmdir(p.socket_dir);
	snprintf(cwd, sizeof(cwd), "%s", home);
	rmdir(cwd);
	rmdir(dir);
	paths_finish(&p);
}

static void test_paths_program_absent(void **state)
{
	(void)state;
	assert_null(paths_program("sotto-no-such-program"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_paths_under_sotto_home, clear_env),
		cmocka_unit_test_setup(
			test_paths_relative_sotto_home_becomes_absolute,
			clear_env),
		cmocka_unit_test_setup(test_paths_by_xdg, clear_env),
		cmocka_unit_test_setup(test_paths_without_runtime_dir, clear_env),
		cmocka_unit_test_setup(test_paths_refuse_bad_profile, clear_env),
		cmocka_unit_test_setup(test_paths_without_home, clear_env),
		cmocka_unit_test(test_paths_make_dir_is_private),
		cmocka_unit_test(
			test_paths_make_dir_refuses_what_is_not_ours_alone),
		cmocka_unit_test(test_paths_make_dir_over_a_file),
		cmocka_unit_test_setup(test_paths_long_socket_path_works,
				       clear_env),
		cmocka_unit_test(test_paths_program_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
