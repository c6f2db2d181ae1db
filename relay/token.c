#include "token.h"

#include <sodium.h>

#include "buf.h"
#include "sign.h"
#include "store.h"

enum { COUNTER_LEN = 8, MAC_LEN = TOKEN_LEN - COUNTER_LEN };

void token_make(const uint8_t key[static 32],
		const uint8_t incarnation[static INCARNATION_LEN],
		const struct mailbox_id *device, uint64_t counter,
		uint8_t out[static TOKEN_LEN])
{
	uint8_t data[INCARNATION_LEN + ACCOUNT_LEN + 4 + COUNTER_LEN];
	uint8_t *p = data;

	memcpy(p, incarnation, INCARNATION_LEN);
	p += INCARNATION_LEN;
	memcpy(p, device->account.b, ACCOUNT_LEN);
	p += ACCOUNT_LEN;
	put_u32(p, device->device);
	put_u64(p + 4, counter);
	put_u64(out, counter);
	crypto_generichash(out + COUNTER_LEN, MAC_LEN, data, sizeof(data),
			   key, 32);
}

int token_check(const uint8_t key[static 32],
		const uint8_t incarnation[static INCARNATION_LEN],
		const struct mailbox_id *device,
		const uint8_t token[static TOKEN_LEN], uint64_t *counter)
{
	uint8_t right[TOKEN_LEN];
	uint64_t presented = get_u64(token);

	token_make(key, incarnation, device, presented, right);
	if (sodium_memcmp(right, token, TOKEN_LEN) != 0)
		return ERR_SIGNATURE;
	*counter = presented;
	return OK;
}
