#include "pb.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "relay.pb-c.h"

static void test_pb_append_packs_behind_what_is_there(void **state)
{
	static const uint8_t id[] = { 1, 2, 3 };
	Sotto__Fetch fetch = SOTTO__FETCH__INIT, *got;
	struct buf b;

	(void)state;
	fetch.id = pb_bytes(id, sizeof(id));
	buf_init(&b, 64);
	assert_int_equal(buf_append(&b, "x", 1), OK);
	assert_int_equal(pb_append(&b, &fetch.base), OK);
	got = sotto__fetch__unpack(NULL, b.len - 1, b.data + 1);
	assert_non_null(got);
	assert_int_equal(got->id.len, sizeof(id));
	assert_memory_equal(got->id.data, id, sizeof(id));
	sotto__fetch__free_unpacked(got, NULL);
	buf_finish(&b);
}

static void test_pb_append_beyond_the_maximum_leaves_the_buffer(void **state)
{
	static const uint8_t id[16];
	Sotto__Fetch fetch = SOTTO__FETCH__INIT;
	struct buf b;

	(void)state;
	fetch.id = pb_bytes(id, sizeof(id));
	buf_init(&b, 10);
	assert_int_equal(buf_append(&b, "x", 1), OK);
	assert_int_equal(pb_append(&b, &fetch.base), ERR_TOO_BIG);
	assert_int_equal(b.len, 1);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pb_append_packs_behind_what_is_there),
		cmocka_unit_test(
			test_pb_append_beyond_the_maximum_leaves_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
