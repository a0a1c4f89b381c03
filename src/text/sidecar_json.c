/* SPDX-License-Identifier: MIT */
/* A sidecar's values as JSON: order and number formats are the keys'. */
#include "sidecar_parts.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "text/json.h"

static void add_list(struct buf *out, const struct key_value *v)
{
	uint32_t i;

	buf_adds(out, "[\n");
	for (i = 0; i < v->n; i++)
		buf_addf(out, i ? ",\n\t\t%g" : "\t\t%g", isfinite(v->list[i]) ? v->list[i] : 0);
	buf_adds(out, "\t]");
}

static void add_words(struct buf *out, const struct key_value *v)
{
	uint32_t i;

	buf_addc(out, '[');
	for (i = 0; i < v->n; i++) {
		if (i)
			buf_adds(out, ", ");
		json_add_string(out, v->words[i], strlen(v->words[i]));
	}
	buf_addc(out, ']');
}

static void add_value(struct buf *out, enum key_format format, const struct key_value *v)
{
	switch (format) {
	case KEY_POSITIVE:
	case KEY_NUMBER:
		buf_addf(out, "%g", v->number);
		break;
	case KEY_DIGITS8:
		buf_addf(out, "%.8g", v->number);
		break;
	case KEY_DIGITS10:
		buf_addf(out, "%.10g", v->number);
		break;
	case KEY_INTEGER:
		buf_addf(out, "%.0f", v->number);
		break;
	case KEY_FLAG:
		buf_adds(out, v->number != 0 ? "true" : "false");
		break;
	case KEY_TEXT:
		json_add_string(out, v->text, strlen(v->text));
		break;
	case KEY_JSON:
		buf_adds(out, v->text);
		break;
	case KEY_LIST:
		add_list(out, v);
		break;
	case KEY_WORDS:
		add_words(out, v);
		break;
	}
}

void sidecar_add_keys(struct buf *out, const struct keys *keys)
{
	const char *between = "{\n";
	unsigned k;

	for (k = 0; k < KEY_COUNT; k++) {
		if (!keys->value[k].is_set)
			continue;
		buf_addf(out, "%s\t\"%s\": ", between, key_name((enum key)k));
		add_value(out, key_format((enum key)k), &keys->value[k]);
		between = ",\n";
	}
	buf_adds(out, "\n}\n");
}
