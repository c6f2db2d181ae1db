/* The machine API's methods: JSON-RPC 2.0 requests in, results or errors out.
 * See sotto-bot(1) for what they mean. */
#ifndef SOTTO_API_H
#define SOTTO_API_H

#include <jansson.h>
#include <stdbool.h>

#include "agent.h"

struct api_client;
struct api_call;

/* Positive codes are the exit codes of the command line. */
enum api_code {
	API_PARSE = -32700, API_INVALID = -32600, API_NO_METHOD = -32601,
	API_PARAMS = -32602,
	API_USAGE = 1, API_UNEXPECTED = 2, API_NETWORK = 3, API_IDENTITY = 4,
	API_RATE = 5, API_NOT_FOUND = 6, API_TIMEOUT = 7, API_LOCKED = 8,
	API_REFUSED = 9,
};

enum api_type { API_TEXT, API_BOOL, API_INT, API_LIST, API_ANY };

struct api_param {
	const char *name;	/* NULL ends the list */
	enum api_type type;
	bool required;
};

enum api_step { API_DONE, API_LATER };

struct api_method {
	const char *name;
	bool any_state;		/* also without an account, or locked */
	/* Sets result or error; or keeps the call and finishes it later. */
	enum api_step (*run)(struct api_call *c);
	struct api_param params[6];
};

enum { API_CALL_FDS = 2, API_MESSAGE_MAX = 640 };

struct api_call {
	struct agent *a;
	struct api_server *server;
	struct api_client *client;	/* NULL: gone */
	json_t *id;			/* NULL: a notification */
	json_t *params;			/* an object, or NULL */
	const struct api_method *method;
	int fds[API_CALL_FDS];		/* -1: none; closed with the call */
	json_t *result;
	int error;			/* enum api_code; 0: none */
	bool retry;
	char message[API_MESSAGE_MAX];
	/* api_wait's */
	struct api_call *next;
	uint64_t deadline;
	bool (*done)(struct api_call *c);
	void (*expired)(struct api_call *c);
	int wanted;
	uint8_t wanted_id[16];
};

/* Runs one request, checked; or makes the error. The call is freed in the end.
 * request: a JSON object, borrowed. fds: taken from, *n_fds lowered. */
void api_dispatch(struct agent *a, struct api_server *server,
		  struct api_client *client, json_t *request,
		  int *fds, size_t *n_fds);
/* The answer to a line that is no request. */
json_t *api_line_error(int err) must_check;
/* A finished call's answer; NULL for a notification. */
json_t *api_answer(struct api_call *c) must_check;
void api_call_free(struct api_call *c);

/* ---- for the methods ---- */

/* NULL, false, fallback when absent. */
const char *api_text(const struct api_call *c, const char *name);
bool api_bool(const struct api_call *c, const char *name, bool fallback);
int64_t api_int(const struct api_call *c, const char *name, int64_t fallback);
/* Both return API_DONE. */
enum api_step api_fail(struct api_call *c, enum api_code code,
		       const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* For an enum err of the store or of a look-up. */
enum api_step api_fail_err(struct api_call *c, int err);
/* Takes result. */
enum api_step api_result(struct api_call *c, json_t *result);

extern const struct api_method
	api_account_init, api_account_lock, api_account_unlock, api_agent_stop,
	api_chat_history, api_chat_list, api_chat_read, api_chat_typing,
	api_config_get, api_config_list, api_config_set, api_contact_accept,
	api_contact_add, api_contact_block, api_contact_list,
	api_contact_remove, api_contact_rename, api_contact_verify,
	api_events_ack, api_events_subscribe, api_hello, api_link_get,
	api_message_get, api_message_search, api_message_send,
	api_message_wait, api_status;

#endif
