/* SPDX-License-Identifier: MIT */
/*
 * What decoding costs without anything around it: the frames of a file, each
 * decoded once by the library itself.
 *
 *   codecloop j2k|jls|rle THREADS FILE
 *
 * FILE holds frames, each behind its length (32 bits, little-endian); they are
 * of 512x512 samples of 16 bits.
 */
#include <charls/charls.h>
#include <errno.h>
#include <openjpeg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { SIDE = 512, FRAME_BYTES = SIDE * SIDE * 2, THREADS_MAX = 64, FRAMES_MAX = 65536 };

struct frame {
	const uint8_t *data;
	size_t len;
};

struct loop {
	int (*decode)(const struct frame *f, uint8_t *out);
	struct frame frame[FRAMES_MAX];
	size_t n;
	atomic_size_t next;
};

/* OpenJPEG reads through callbacks: a cursor over the frame. */
struct cursor {
	struct frame f;
	size_t at;
};

static OPJ_SIZE_T cursor_read(void *to, OPJ_SIZE_T n, void *data)
{
	struct cursor *c = data;
	size_t left = c->f.len - c->at;

	if (!left)
		return (OPJ_SIZE_T)-1;
	n = n < left ? n : left;
	memcpy(to, c->f.data + c->at, n);
	c->at += n;
	return n;
}

static OPJ_OFF_T cursor_skip(OPJ_OFF_T n, void *data)
{
	struct cursor *c = data;

	c->at = min_size(c->f.len, c->at + (size_t)n);
	return n;
}

static OPJ_BOOL cursor_seek(OPJ_OFF_T off, void *data)
{
	struct cursor *c = data;

	c->at = min_size(c->f.len, (size_t)off);
	return OPJ_TRUE;
}

static int decode_j2k(const struct frame *f, uint8_t *out)
{
	struct cursor cursor = { .f = *f };
	opj_stream_t *stream = opj_stream_create(f->len, OPJ_TRUE);
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_dparameters_t parameters;
	opj_image_t *image = NULL;
	size_t i;
	int ok;

	opj_set_default_decoder_parameters(&parameters);
	opj_stream_set_user_data(stream, &cursor, NULL);
	opj_stream_set_user_data_length(stream, f->len);
	opj_stream_set_read_function(stream, cursor_read);
	opj_stream_set_skip_function(stream, cursor_skip);
	opj_stream_set_seek_function(stream, cursor_seek);
	ok = opj_setup_decoder(codec, &parameters) && opj_read_header(stream, codec, &image) &&
		opj_decode(codec, stream, image) &&
		image->comps[0].w * image->comps[0].h == SIDE * SIDE;
	for (i = 0; ok && i < SIDE * SIDE; i++)
		put_le16(out + 2 * i, (uint16_t)image->comps[0].data[i]);
	opj_image_destroy(image);
	opj_destroy_codec(codec);
	opj_stream_destroy(stream);
	return ok ? 0 : -1;
}

static int decode_jls(const struct frame *f, uint8_t *out)
{
	charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
	int bad = !decoder || charls_jpegls_decoder_set_source_buffer(decoder, f->data, f->len) ||
		charls_jpegls_decoder_read_header(decoder) ||
		charls_jpegls_decoder_decode_to_buffer(decoder, out, FRAME_BYTES, 0);

	charls_jpegls_decoder_destroy(decoder);
	return bad ? -1 : 0;
}

/* PS3.5 G: 16 numbers, then a segment for the high bytes and one for the low. */
static int decode_rle(const struct frame *f, uint8_t *out)
{
	uint32_t segment;

	for (segment = 0; segment < 2; segment++) {
		size_t at = get_le32(f->data + 4 + 4 * segment), o = 1 - segment;

		while (o < FRAME_BYTES && at + 1 < f->len) {
			int8_t n = (int8_t)f->data[at++];
			int i;

			if (n == -128)
				continue;
			for (i = 0; i <= (n < 0 ? -n : n) && o < FRAME_BYTES; i++, o += 2)
				out[o] = f->data[n < 0 ? at : at + (size_t)i];
			at += n < 0 ? 1 : (size_t)n + 1;
		}
	}
	return 0;
}

static void die(const char *what)
{
	fprintf(stderr, "codecloop: %s: %s\n", what, errno ? strerror(errno) : "wrong");
	exit(1);
}

static void *work(void *arg)
{
	struct loop *l = arg;
	uint8_t *out = malloc(FRAME_BYTES);
	size_t i;

	while (out && (i = atomic_fetch_add(&l->next, 1)) < l->n)
		if (l->decode(&l->frame[i], out))
			die("a frame");
	free(out);
	return NULL;
}

static void read_frames(struct loop *l, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t head[4], *data;

	if (!f)
		die(path);
	while (l->n < FRAMES_MAX && fread(head, 4, 1, f) == 1) {
		size_t len = get_le32(head);

		data = malloc(len);
		if (!data || fread(data, len, 1, f) != 1)
			die(path);
		l->frame[l->n++] = (struct frame){ data, len };
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static struct loop l;
	pthread_t thread[THREADS_MAX];
	int i, n_threads = argc == 4 ? atoi(argv[2]) : 0;

	if (n_threads < 1 || n_threads > THREADS_MAX) {
		fprintf(stderr, "usage: codecloop j2k|jls|rle THREADS FILE\n");
		return 2;
	}
	l.decode = argv[1][0] == 'r' ? decode_rle : argv[1][1] == 'l' ? decode_jls : decode_j2k;
	read_frames(&l, argv[3]);
	for (i = 0; i < n_threads; i++)
		if (pthread_create(&thread[i], NULL, work, &l))
			die("thread");
	for (i = 0; i < n_threads; i++)
		pthread_join(thread[i], NULL);
	printf("%zu frames\n", l.n);
	return 0;
}
