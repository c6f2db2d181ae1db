#include "bridge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

static void client(struct bridge *b, const char *text)
{
	bridge_from_client(b, (const uint8_t *)text, strlen(text));
}

static void agent(struct bridge *b, const char *text)
{
	bridge_from_agent(b, (const uint8_t *)text, strlen(text));
}

/* What waits for a side is this text; then it is written. */
static void expect(struct bridge *b, struct buf *side, const char *text)
{
	char *got = xmalloc(side->len + 1);

	if (side->len)
		memcpy(got, side->data, side->len);
	got[side->len] = '\0';
	assert_string_equal(got, text);
	free(got);
	if (side == &b->to_agent)
		bridge_sent_agent(b, side->len);
	else
		bridge_sent_client(b, side->len);
}

static int set_up(void **state)
{
	struct bridge *b = xcalloc(1, sizeof(*b));

	bridge_init(b);
	bridge_up(b);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	bridge_finish(*state);
	free(*state);
	return 0;
}

static void test_bridge_lines_pass_as_they_came(void **state)
{
	struct bridge *b = *state;

	client(b, "{ \"id\": 1,  \"method\":\"status\" }\n");
	expect(b, &b->to_agent, "{ \"id\": 1,  \"method\":\"status\" }\n");
	agent(b, "{\"id\":1, \"result\":{}}\n{\"method\":\"event\"}\n");
	expect(b, &b->to_client, "{\"id\":1, \"result\":{}}\n"
	       "{\"method\":\"event\"}\n");
}

static void test_bridge_bad_lines_are_answered_here(void **state)
{
	struct bridge *b = *state;

	client(b, "nonsense\n[{}]\n{\"id\":1,\"method\":\"status\"}\n");
	assert_non_null(memmem(b->to_client.data, b->to_client.len, "-32700", 6));
	assert_non_null(memmem(b->to_client.data, b->to_client.len, "-32600", 6));
	expect(b, &b->to_agent, "{\"id\":1,\"method\":\"status\"}\n");
}

static void test_bridge_answers_what_was_under_way(void **state)
{
	struct bridge *b = *state;

	client(b, "{\"id\":\"a\",\"method\":\"contact.list\"}\n");
	bridge_sent_agent(b, b->to_agent.len);
	bridge_down(b);
	expect(b, &b->to_client, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"error\":"
	       "{\"code\":3,\"message\":\"the agent ended before it had "
	       "answered; ask again\",\"data\":{\"retry\":true}}}\n");
	bridge_up(b);
	expect(b, &b->to_agent, "");
	assert_int_equal(b->requests.n, 0);
}

static void test_bridge_repeats_what_may_be(void **state)
{
	static const char text[] =
		"{\"id\":1,\"method\":\"message.send\",\"params\":{\"key\":\"k\"}}\n"
		"{\"id\":2,\"method\":\"events.ack\",\"params\":{\"seq\":4}}\n";
	struct bridge *b = *state;

	client(b, text);
	bridge_sent_agent(b, b->to_agent.len);
	bridge_down(b);
	expect(b, &b->to_client, "");
	bridge_up(b);
	expect(b, &b->to_agent, text);
}

/* A line without its newline was not executed: it is no guess to repeat it. */
static void test_bridge_sends_again_what_was_half_written(void **state)
{
	static const char text[] =
		"{\"id\":1,\"method\":\"message.send\",\"params\":{}}\n"
		"{\"method\":\"chat.typing\",\"params\":{}}\n";
	struct bridge *b = *state;

	client(b, text);
	bridge_sent_agent(b, 20);
	bridge_down(b);
	expect(b, &b->to_client, "");
	bridge_up(b);
	expect(b, &b->to_agent, text);
	assert_int_equal(b->requests.n, 1);	/* the notification is done */
}

static void test_bridge_subscribes_again_and_hides_the_answer(void **state)
{
	struct bridge *b = *state;
	json_t *o;

	client(b, "{\"id\":1,\"method\":\"hello\",\"params\":{\"client\":\"x\"}}\n"
	       "{\"id\":2,\"method\":\"events.subscribe\",\"params\":"
	       "{\"cursor\":\"c\"}}\n");
	bridge_sent_agent(b, b->to_agent.len);
	agent(b, "{\"id\":1,\"result\":{}}\n{\"id\":2,\"result\":{}}\n");
	bridge_sent_client(b, b->to_client.len);
	bridge_down(b);
	bridge_up(b);
	o = json_loadb((char *)b->to_agent.data, b->to_agent.len,
		       JSON_DISABLE_EOF_CHECK, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "method")),
			    "hello");
	json_decref(o);
	assert_non_null(memmem(b->to_agent.data, b->to_agent.len,
			       "{\"cursor\":\"c\"}", 14));
	bridge_sent_agent(b, b->to_agent.len);
	agent(b, "{\"id\":\"sotto-bot:1\",\"result\":{}}\n"
	      "{\"id\":\"sotto-bot:2\",\"result\":{}}\n");
	expect(b, &b->to_client, "");
	assert_int_equal(b->requests.n, 0);
}

static void test_bridge_client_sees_an_event_once(void **state)
{
	struct bridge *b = *state;

	client(b, "{\"id\":2,\"method\":\"events.subscribe\",\"params\":"
	       "{\"cursor\":\"c\"}}\n");
	bridge_sent_agent(b, b->to_agent.len);
	agent(b, "{\"id\":2,\"result\":{}}\n"
	      "{\"method\":\"event\",\"params\":{\"seq\":7}}\n");
	bridge_sent_client(b, b->to_client.len);
	bridge_down(b);
	bridge_up(b);
	agent(b, "{\"method\":\"event\",\"params\":{\"seq\":7}}\n"
	      "{\"method\":\"event\",\"params\":{\"seq\":8}}\n");
	expect(b, &b->to_client, "{\"method\":\"event\",\"params\":{\"seq\":8}}\n");
	/* Asking anew is asking for a replay. */
	client(b, "{\"id\":3,\"method\":\"events.subscribe\",\"params\":"
	       "{\"cursor\":\"c\"}}\n");
	agent(b, "{\"id\":3,\"result\":{}}\n"
	      "{\"method\":\"event\",\"params\":{\"seq\":7}}\n");
	expect(b, &b->to_client, "{\"id\":3,\"result\":{}}\n"
	       "{\"method\":\"event\",\"params\":{\"seq\":7}}\n");
}

static void test_bridge_refused_subscription_is_tried_again(void **state)
{
	struct bridge *b = *state;

	client(b, "{\"id\":2,\"method\":\"events.subscribe\"}\n");
	bridge_sent_agent(b, b->to_agent.len);
	agent(b, "{\"id\":2,\"result\":{}}\n");
	bridge_sent_client(b, b->to_client.len);
	bridge_down(b);
	bridge_up(b);
	bridge_sent_agent(b, b->to_agent.len);
	assert_false(bridge_wants_retry(b));
	agent(b, "{\"id\":\"sotto-bot:1\",\"error\":{\"code\":8}}\n");
	expect(b, &b->to_client, "");
	assert_true(bridge_wants_retry(b));
	bridge_retry(b);
	assert_false(bridge_wants_retry(b));
	assert_non_null(memmem(b->to_agent.data, b->to_agent.len,
			       "events.subscribe", 16));
}

static void test_bridge_holds_the_client_back(void **state)
{
	struct bridge *b = *state;
	char line[64];
	size_t n = 0;

	while (bridge_wants_client(b) && n < 10000) {
		snprintf(line, sizeof(line), "{\"id\":%zu,\"method\":\"x\"}\n", n++);
		client(b, line);
		bridge_sent_agent(b, b->to_agent.len);
	}
	assert_int_equal(b->requests.n, BRIDGE_REQUESTS_MAX);
	/* What came in the same read waits and is not lost. */
	client(b, "{\"id\":\"last\",\"method\":\"y\"}\n");
	expect(b, &b->to_agent, "");
	agent(b, "{\"id\":0,\"result\":{}}\n");
	expect(b, &b->to_agent, "{\"id\":\"last\",\"method\":\"y\"}\n");
}

static void test_bridge_holds_the_agent_back(void **state)
{
	struct bridge *b = *state;
	char line[2100];

	memset(line, ' ', sizeof(line));
	memcpy(line, "{}", 2);
	memcpy(line + sizeof(line) - 2, "\n", 2);
	for (int i = 0; i < 1000 && bridge_wants_agent(b); i++)
		agent(b, line);
	assert_in_range(b->to_client.len, BRIDGE_OUT_BYTES,
			BRIDGE_OUT_BYTES + sizeof(line));
	bridge_sent_client(b, b->to_client.len);
	assert_true(bridge_wants_agent(b));
}

static void test_bridge_done_when_all_is_answered(void **state)
{
	struct bridge *b = *state;

	client(b, "{\"id\":1,\"method\":\"status\"}");
	bridge_client_end(b);
	assert_false(bridge_done(b));
	expect(b, &b->to_agent, "{\"id\":1,\"method\":\"status\"}\n");
	assert_false(bridge_done(b));
	agent(b, "{\"id\":1,\"result\":{}}\n");
	assert_false(bridge_done(b));
	bridge_sent_client(b, b->to_client.len);
	assert_true(bridge_done(b));
}

static void test_bridge_leaves_a_stopped_agent_stopped(void **state)
{
	struct bridge *b = *state;

	client(b, "{\"id\":1,\"method\":\"agent.stop\"}\n");
	bridge_sent_agent(b, b->to_agent.len);
	agent(b, "{\"id\":1,\"result\":{}}\n");
	bridge_sent_client(b, b->to_client.len);
	bridge_down(b);
	assert_false(bridge_wants_up(b));
	assert_true(bridge_wants_client(b));
	client(b, "{\"id\":2,\"method\":\"status\"}\n");
	assert_true(bridge_wants_up(b));
	bridge_up(b);
	expect(b, &b->to_agent, "{\"id\":2,\"method\":\"status\"}\n");
}

static void test_bridge_shows_a_terminal_no_controls(void **state)
{
	struct bridge *b = *state;

	b->terminal = true;
	agent(b, "{\"method\":\"event\",\"params\":{\"text\":\"\302\2332J"
	      "\342\200\256\"}}\n");
	expect(b, &b->to_client, "{\"method\":\"event\",\"params\":"
	       "{\"text\":\"\\u009B2J\\u202E\"}}\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_bridge_lines_pass_as_they_came),
		TEST(test_bridge_bad_lines_are_answered_here),
		TEST(test_bridge_answers_what_was_under_way),
		TEST(test_bridge_repeats_what_may_be),
		TEST(test_bridge_sends_again_what_was_half_written),
		TEST(test_bridge_subscribes_again_and_hides_the_answer),
		TEST(test_bridge_client_sees_an_event_once),
		TEST(test_bridge_refused_subscription_is_tried_again),
		TEST(test_bridge_holds_the_client_back),
		TEST(test_bridge_holds_the_agent_back),
		TEST(test_bridge_done_when_all_is_answered),
		TEST(test_bridge_leaves_a_stopped_agent_stopped),
		TEST(test_bridge_shows_a_terminal_no_controls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
