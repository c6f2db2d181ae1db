/* config.* */
#include "api.h"
#include "config.h"
#include "ws.h"

static enum api_step get(struct api_call *c)
{
	const char *value = config_get(c->a->config, api_text(c, "name"));

	if (!value)
		return api_fail(c, API_NOT_FOUND, "there is no setting %.64s; "
				"'sotto config list' shows all",
				api_text(c, "name"));
	return api_result(c, json_pack("{s:s}", "value", value));
}

const struct api_method api_config_get = {
	"config.get", true, get, { { "name", API_TEXT, true } },
};

static bool read_only(const char *name)
{
	size_t n;
	const struct config_item *items = config_items(&n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(items[i].name, name))
			return items[i].read_only;
	return false;
}

static enum api_step set(struct api_call *c)
{
	const char *name = api_text(c, "name");
	const char *value = api_text(c, "value"), *why = NULL;
	bool ca = !strcmp(name, "ca-file");
	int ret;

	if (read_only(name))
		return api_fail(c, API_REFUSED, "%s cannot be changed", name);
	if (ca && value[0] == '/' && ws_check_ca(value))
		return api_fail(c, API_USAGE, "ca-file: %.256s is no readable "
				"PEM file with certificates", value);
	ret = config_set(c->a->config, name, value, &why);
	switch (ret) {
	case OK:
		if (ca)
			agent_ca_changed(c->a);
		return api_result(c, json_object());
	case ERR_NOT_FOUND:
		return api_fail(c, API_NOT_FOUND, "there is no setting %.64s; "
				"'sotto config list' shows all", name);
	case ERR_USAGE:
		return api_fail(c, API_USAGE, "%s: %s", name, why);
	default:
		return api_fail_err(c, ret);
	}
}

const struct api_method api_config_set = {
	"config.set", true, set, {
		{ "name", API_TEXT, true }, { "value", API_TEXT, true },
	},
};

static enum api_step list(struct api_call *c)
{
	json_t *settings = json_array();
	size_t n;
	const struct config_item *items = config_items(&n);

	for (size_t i = 0; i < n; i++)
		json_array_append_new(settings, json_pack(
			"{s:s, s:s, s:s, s:s}", "name", items[i].name,
			"value", config_get(c->a->config, items[i].name),
			"default", items[i].fallback, "help", items[i].help));
	return api_result(c, json_pack("{s:o}", "settings", settings));
}

const struct api_method api_config_list = {
	"config.list", true, list, { { .name = NULL } },
};
