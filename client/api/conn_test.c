#include "conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"

/* A listening socket of a profile, whose other end the test plays. */
struct fixture {
	char dir[32];
	struct paths paths;
	int listener;
	struct conn *conn;
	int agent;		/* its accepted connection */
};

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char why[START_WHY_MAX];
	struct sockaddr_un address;
	int dir_fd;

	memcpy(f->dir, "/tmp/sotto-conn-XXXXXX", 23);
	assert_non_null(mkdtemp(f->dir));
	setenv("SOTTO_HOME", f->dir, 1);
	assert_int_equal(paths_init(&f->paths, NULL), OK);
	assert_int_equal(paths_make_dir(f->paths.socket_dir), OK);
	assert_int_equal(paths_socket_address(&f->paths, &address, &dir_fd), OK);
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	assert_int_equal(conn_open(&f->paths, false, &f->conn, why), OK);
	f->agent = accept(f->listener, NULL, NULL);
	assert_true(f->agent >= 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	conn_close(f->conn);
	close(f->agent);
	close(f->listener);
	unlink(f->paths.socket);
	rmdir(f->paths.socket_dir);
	rmdir(f->dir);
	paths_finish(&f->paths);
	free(f);
	return 0;
}

static void agent_says(struct fixture *f, const char *text)
{
	assert_int_equal(write(f->agent, text, strlen(text)), strlen(text));
}

static void test_conn_open_without_agent(void **state)
{
	char why[START_WHY_MAX];
	struct paths p;
	struct conn *c = NULL;

	(void)state;
	setenv("SOTTO_HOME", "/nonexistent", 1);
	assert_int_equal(paths_init(&p, NULL), OK);
	assert_int_equal(conn_open(&p, false, &c, why), ERR_NOT_FOUND);
	assert_null(c);
	paths_finish(&p);
}

static void test_conn_open_tells_why_it_cannot_start(void **state)
{
	char why[START_WHY_MAX] = "";
	struct paths p;
	struct conn *c = NULL;

	(void)state;
	setenv("SOTTO_HOME", "/nonexistent", 1);
	assert_int_equal(paths_init(&p, NULL), OK);
	assert_int_equal(conn_open(&p, true, &c, why), ERR_SYSTEM);
	assert_non_null(strstr(why, "sotto-agent"));
	paths_finish(&p);
}

static void test_conn_call_keeps_notifications_in_order(void **state)
{
	struct fixture *f = *state;
	json_t *result = NULL, *o;

	agent_says(f, "{\"method\":\"event\",\"params\":{\"seq\":1}}\n"
		   "{\"method\":\"event\",\"params\":{\"seq\":2}}\nbroken\n"
		   "{\"id\":1,\"result\":{\"ok\":true}}\n"
		   "{\"method\":\"event\",\"params\":{\"seq\":3}}\n");
	assert_int_equal(conn_call(f->conn, "hello", NULL, 1000, &result, NULL),
			 OK);
	assert_true(json_is_true(json_object_get(result, "ok")));
	json_decref(result);
	for (int i = 1; i <= 3; i++) {
		o = conn_next(f->conn);
		assert_int_equal(json_integer_value(json_object_get(
			json_object_get(o, "params"), "seq")), i);
		json_decref(o);
	}
	o = conn_next(f->conn);
	assert_null(o);
}

static void test_conn_call_gives_the_error(void **state)
{
	struct fixture *f = *state;
	json_t *error = NULL;

	agent_says(f, "{\"id\":1,\"error\":{\"code\":6,\"message\":\"none\"}}\n");
	assert_int_equal(conn_call(f->conn, "x", NULL, 1000, NULL, &error),
			 ERR_REFUSED);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), 6);
	json_decref(error);
}

static void test_conn_call_times_out(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(conn_call(f->conn, "x", NULL, 20, NULL, NULL),
			 ERR_TIMEOUT);
}

static void test_conn_answer_before_the_end_counts(void **state)
{
	struct fixture *f = *state;

	agent_says(f, "{\"id\":1,\"result\":{}}\n");
	shutdown(f->agent, SHUT_RDWR);
	assert_int_equal(conn_call(f->conn, "x", NULL, 1000, NULL, NULL), OK);
	assert_int_equal(conn_call(f->conn, "x", NULL, 1000, NULL, NULL),
			 ERR_NETWORK);
}

static void test_conn_request_over_the_line_limit(void **state)
{
	struct fixture *f = *state;
	char *text = xmalloc(300 * 1024);

	memset(text, 'x', 300 * 1024 - 1);
	text[300 * 1024 - 1] = '\0';
	assert_int_equal(conn_request(f->conn, "x", json_pack("{s:s}", "t",
							      text)),
			 ERR_TOO_BIG);
	assert_false(conn_wants_write(f->conn));
	free(text);
}

static void test_conn_queue_is_bounded(void **state)
{
	struct fixture *f = *state;
	char *text = xmalloc(200 * 1024);
	int64_t id;
	int n = 0;

	memset(text, 'x', 200 * 1024 - 1);
	text[200 * 1024 - 1] = '\0';
	do
		id = conn_request(f->conn, "x", json_pack("{s:s}", "t", text));
	while (id > 0 && ++n < 100);
	assert_int_equal(id, ERR_FULL);
	assert_true(n > 10);
	free(text);
}

static void *read_with_fds(void *arg)
{
	struct fixture *f = arg;
	char data[256], control[CMSG_SPACE(2 * sizeof(int))];
	struct iovec part = { data, sizeof(data) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control) };
	int fds[2] = { -1, -1 };

	if (recvmsg(f->agent, &m, 0) > 0 && CMSG_FIRSTHDR(&m))
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fds));
	if (read(fds[0], data, sizeof(data)) == 6 && !memcmp(data, "secret", 6) &&
	    write(fds[1], "key\n", 4) == 4)
		agent_says(f, "{\"id\":1,\"result\":{}}\n");
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void test_conn_descriptors_go_with_the_line(void **state)
{
	struct fixture *f = *state;
	int in[2], out[2], fds[2];
	char got[8];
	pthread_t agent;
	int64_t id;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	assert_int_equal(write(in[1], "secret", 6), 6);
	close(in[1]);
	fds[0] = in[0];
	fds[1] = out[1];
	pthread_create(&agent, NULL, read_with_fds, f);
	assert_int_equal(conn_request_fds(f->conn, "account.init", NULL, fds, 2,
					  &id), OK);
	close(in[0]);
	close(out[1]);
	assert_int_equal(conn_wait(f->conn, id, 2000, NULL, NULL), OK);
	pthread_join(agent, NULL);
	assert_int_equal(read(out[0], got, sizeof(got)), 4);
	close(out[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conn_open_without_agent),
		cmocka_unit_test(test_conn_open_tells_why_it_cannot_start),
		cmocka_unit_test_setup_teardown(
			test_conn_call_keeps_notifications_in_order, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_conn_call_gives_the_error,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conn_call_times_out, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_conn_answer_before_the_end_counts, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			test_conn_request_over_the_line_limit, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(test_conn_queue_is_bounded,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_conn_descriptors_go_with_the_line, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
