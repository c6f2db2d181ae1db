/* component: api. What people type and paste: contact links, capabilities, relay
 * addresses and recovery keys. What is taken must come back from its own text. */
#include <assert.h>

#include "link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_link(const char *text)
{
	char once[LINK_TEXT_MAX + 1], twice[LINK_TEXT_MAX + 1];
	struct link l, back;
	int r;

	if (link_parse(text, &l) == OK) {
		link_text(&l, once);
		r = link_parse(once, &back);
		assert(r == OK);
		link_text(&back, twice);
		assert(strcmp(once, twice) == 0);
		assert(strcmp(l.name, back.name) == 0);
		assert(strcmp(l.relay.host, back.relay.host) == 0);
		assert(l.relay.port == back.relay.port);
		assert(l.relay.tls == back.relay.tls);
	}
	/* Any text can be a name. */
	r = link_parse("sotto://r/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa#"
		       "AQEBAgMEBQYHCAkKCwwBAgMAAAAAAAAAAAAAAAAAAAAA", &l);
	assert(r == OK);
	link_set_name(&l, text);
	link_text(&l, once);
	r = link_parse(once, &back);
	assert(r == OK && strcmp(l.name, back.name) == 0);
}

static void try_url(const char *text)
{
	char once[RELAY_URL_MAX + 1], twice[RELAY_URL_MAX + 1];
	struct relay_url u;
	int r;

	if (relay_url_parse(text, &u) != OK)
		return;
	relay_url_text(&u, once);
	r = relay_url_parse(once, &u);
	assert(r == OK);
	relay_url_text(&u, twice);
	assert(strcmp(once, twice) == 0);
}

static void try_capability(const uint8_t *data, size_t len)
{
	static const uint8_t key[CAPABILITY_KEY_LEN];
	static const struct account_id account;
	char text[CAPABILITY_TEXT_LEN + 1];
	uint8_t in[CAPABILITY_LEN];
	struct capability c;
	int r;

	if (capability_parse((const char *)data, len, in) == OK) {
		capability_text(in, text);
		assert(memcmp(text, data, CAPABILITY_TEXT_LEN) == 0);
	}
	if (capability_read(data, len, &c) < 0)
		return;
	r = capability_check(data, len, &account, key, c.expiry, &c);
	assert(r == ERR_STALE || r == ERR_SIGNATURE);
	capability_mint(&c, &account, key, in);
	assert(memcmp(in, data, 17) == 0);
}

static void try_keys(const char *text)
{
	char back[RECOVERY_TEXT_LEN + 1], id[ACCOUNT_TEXT_LEN + 1];
	uint8_t seed[RECOVERY_SEED_LEN], again[RECOVERY_SEED_LEN];
	struct account_id a;
	int r;

	if (recovery_parse(text, seed) == OK) {
		recovery_text(seed, back);
		r = recovery_parse(back, again);
		assert(r == OK && memcmp(seed, again, sizeof(seed)) == 0);
	}
	if (account_parse(text, &a) == OK) {
		account_text(&a, id);
		assert(strlen(text) == strlen(id));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return 0;
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	try_link(text);
	try_url(text);
	try_capability(data, len);
	try_keys(text);
	free(text);
	return 0;
}
