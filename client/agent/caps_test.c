#include "agent_fixture.h"

static int setup(void **state)
{
	struct side *s = xcalloc(1, sizeof(*s));

	side_open(s, 1);	/* with 8 in stock */
	assert_int_equal(turn_enter(s->a.turn), OK);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct side *s = *state;

	assert_int_equal(turn_leave(s->a.turn, OK), OK);
	side_close(s);
	free(s);
	return 0;
}

static void test_caps_gives_each_out_once(void **state)
{
	struct side *s = *state;
	uint8_t caps[9][CAPABILITY_LEN];

	for (int i = 0; i < 8; i++) {
		assert_int_equal(caps_take(&s->a, caps[i]), OK);
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(caps[i], caps[j],
						CAPABILITY_LEN);
	}
	assert_int_equal(caps_take(&s->a, caps[8]), ERR_NOT_FOUND);
}

static void test_caps_keeps_those_back_that_end_soon(void **state)
{
	static const uint8_t key[CAPABILITY_KEY_LEN];
	struct side *s = *state;
	struct capability c = { .class = CAP_CONTACT };
	uint8_t cap[CAPABILITY_LEN], taken[CAPABILITY_LEN];

	c.expiry = (uint32_t)(sys_wall_ms(&sys_real) / 3600000) + 24;
	capability_mint(&c, &s->a.keys->account, key, cap);
	assert_int_equal(caps_add(&s->a, cap), OK);
	assert_int_equal(caps_take(&s->a, taken), OK);
	assert_memory_not_equal(cap, taken, CAPABILITY_LEN);
}

static void test_caps_opens_old_links_when_a_new_one_is_made(void **state)
{
	struct side *s = *state;
	struct capability before, after;
	uint8_t cap[CAPABILITY_LEN], link[CAPABILITY_LEN];

	side_mint(CAP_INTRO, 99, cap);
	assert_int_equal(caps_set_link(&s->a, cap), OK);
	assert_int_equal(caps_link(&s->a, link), OK);
	assert_memory_equal(link, cap, CAPABILITY_LEN);
	assert_int_equal(capability_read(s->link, CAPABILITY_LEN, &before), OK);
	assert_int_equal(capability_read(cap, CAPABILITY_LEN, &after), OK);
	assert_true(caps_is_link(&s->a, before.id));
	assert_true(caps_is_link(&s->a, after.id));
	after.id[0] ^= 1;
	assert_false(caps_is_link(&s->a, after.id));
}

static void test_caps_remembers_revocations_until_confirmed(void **state)
{
	struct side *s = *state;
	uint8_t cap[CAPABILITY_LEN];
	struct buf ids;

	buf_init(&ids, 1024);
	for (uint8_t i = 0; i < 2; i++) {
		side_mint(CAP_CONTACT, (uint8_t)(100 + i), cap);
		assert_int_equal(caps_revoke(&s->a, cap), OK);
	}
	assert_int_equal(caps_revoked(&s->a, CAPABILITY_ID_LEN), OK);
	assert_int_equal(caps_revocations(&s->a, false, &ids), OK);
	assert_int_equal(ids.len, CAPABILITY_ID_LEN);
	assert_int_equal(ids.data[0], 101);
	/* A relay that lost its store is told all. */
	buf_clear(&ids);
	assert_int_equal(caps_revocations(&s->a, true, &ids), OK);
	assert_int_equal(ids.len, 2 * CAPABILITY_ID_LEN);
	buf_finish(&ids);
}

static void test_caps_forgets_what_the_relay_forgot(void **state)
{
	struct side *s = *state;
	uint8_t cap[CAPABILITY_LEN];

	assert_int_equal(caps_forget(&s->a), OK);
	assert_int_equal(caps_take(&s->a, cap), ERR_NOT_FOUND);
	assert_int_equal(caps_link(&s->a, cap), ERR_NOT_FOUND);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_caps_gives_each_out_once),
		T(test_caps_keeps_those_back_that_end_soon),
		T(test_caps_opens_old_links_when_a_new_one_is_made),
		T(test_caps_remembers_revocations_until_confirmed),
		T(test_caps_forgets_what_the_relay_forgot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
