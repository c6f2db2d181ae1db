/* Verified device lists and bundles: signing, checking, comparing. */
#ifndef SOTTO_IDENTITY_H
#define SOTTO_IDENTITY_H

#include <stdint.h>

#include "account.h"
#include "err.h"
#include "identity.pb-c.h"
#include "sign.h"

enum {
	DEVICES_MAX = 8,
	IDENTITY_KEY_LEN = 33,
	SEAL_KEY_LEN = 32,
	RELAY_NAME_MAX = 255,	/* bytes of Challenge.relay_name */
	SUITE_CURRENT = 1,
	DEVICE_LIST_BYTES_MAX = 1536,	/* of an encoded DeviceList */
};

struct device_entry {
	uint32_t id;
	uint8_t identity_key[IDENTITY_KEY_LEN];
	uint8_t auth_key[SIGN_PUBLIC_LEN];
};

/* A device list all of whose signatures have verified. */
struct device_list {
	struct account_id account;
	uint8_t root[SIGN_PUBLIC_LEN];
	uint8_t list_key[SIGN_PUBLIC_LEN];
	uint64_t epoch;
	uint64_t version;
	uint8_t previous[HASH_LEN];	/* zeros in version 1 */
	uint8_t hash[HASH_LEN];
	unsigned n;
	struct device_entry devices[DEVICES_MAX];
};

/* Parsed into out when every size, order and signature is right. ERR_FORMAT,
 * ERR_SIGNATURE. */
int device_list_verify(const Sotto__DeviceList *in,
		       struct device_list *out) must_check;
/* Same, from its protobuf encoding; ERR_TOO_BIG beyond DEVICE_LIST_BYTES_MAX. */
int device_list_decode(const uint8_t *data, size_t len,
		       struct device_list *out) must_check;
/* The same without the signatures, for a list that verified before one stored it
 * oneself: two checks cost more than all else of a login. */
int device_list_read_stored(const uint8_t *data, size_t len,
			    struct device_list *out) must_check;
/* Whether next may take the place of held: OK for a later version or epoch (the
 * next version must name held's hash; a jump over versions and a new epoch need
 * not), ERR_DUPLICATE for the same list, ERR_STALE for an older one,
 * ERR_FORK for another list of the same epoch and version, a wrong previous
 * hash, a second list key of one epoch or other keys under the id of a held
 * device, ERR_IDENTITY for another account. */
int device_list_succeeds(const struct device_list *held,
			 const struct device_list *next) must_check;
/* NULL when there is none. */
const struct device_entry *device_list_find(const struct device_list *list,
					    uint32_t device);

/* Makes version list->version of the list: takes root, epoch, version, previous
 * and devices from list, signs with the list key, fills list's account, list_key
 * and hash, and returns the encoding, heap-allocated, *len bytes. root_signature
 * is the certificate's. Devices must stand in growing order of id. */
uint8_t *device_list_sign(struct device_list *list,
			  const uint8_t list_secret[static SIGN_SECRET_LEN],
			  const uint8_t root_signature[static SIGN_LEN],
			  size_t *len) must_check;
/* The root key's signature of a ListKeyCertificate. */
void list_key_certify(const uint8_t root_secret[static SIGN_SECRET_LEN],
		      uint64_t epoch,
		      const uint8_t list_public[static SIGN_PUBLIC_LEN],
		      uint8_t out[static SIGN_LEN]);

/* Everything of a bundle but the XEdDSA signature of the signed prekey, which
 * libsignal checks: sizes, suite >= 1, seal key and bundle signed by the device's
 * auth key. ERR_FORMAT, ERR_SIGNATURE; ERR_IDENTITY when the device is not in
 * the list. */
int bundle_verify(const Sotto__Bundle *in,
		  const struct device_list *list) must_check;
/* Fills signature (64 bytes at in->signature.data, owned by the caller). */
void bundle_sign(Sotto__Bundle *in, const struct account_id *account,
		 const uint8_t auth_secret[static SIGN_SECRET_LEN]);
/* ERR_FORMAT, ERR_SIGNATURE. */
int seal_key_verify(const Sotto__SealKey *in, const struct account_id *account,
		    const struct device_entry *device) must_check;
void seal_key_sign(Sotto__SealKey *in, const struct account_id *account,
		   uint32_t device,
		   const uint8_t auth_secret[static SIGN_SECRET_LEN]);

/* Purpose "auth" (relay.proto, Auth). A relay_name over RELAY_NAME_MAX is cut by
 * auth_sign and refused with ERR_FORMAT by auth_verify. */
void auth_sign(const uint8_t nonce[static 32], const char *relay_name,
	       const struct account_id *account, uint32_t device,
	       const uint8_t auth_secret[static SIGN_SECRET_LEN],
	       uint8_t out[static SIGN_LEN]);
int auth_verify(const uint8_t nonce[static 32], const char *relay_name,
		const struct account_id *account, uint32_t device,
		const uint8_t auth_key[static SIGN_PUBLIC_LEN],
		const uint8_t signature[static SIGN_LEN]) must_check;

#endif
