/* SPDX-License-Identifier: MIT */
/*
 * JPEG XL (ISO/IEC 18181), by libjxl; empty where that is not to be had.
 *
 * The library is loaded when a frame is met that needs it: it and the six that it brings take three
 * times as long to bind as everything else of the program, and such files are rare. Once loaded it
 * stays, so that the next frame finds it by a look into the linker's list.
 *
 * Some builds of libjxl write about broken streams to standard error, and nothing can be asked to
 * keep them quiet; the error that we return says less.
 */
#include "codec/codec.h"

#ifdef DCMFS_JXL

#include <dlfcn.h>
#include <errno.h>
#include <jxl/decode.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

/* Alpha and the like, each of the frame's size; DICOM has none. */
enum { MAX_EXTRA_CHANNELS = 2 };

/* What is used of the library. */
struct jxl {
	void *library;
	JxlDecoder *(*create)(const JxlMemoryManager *);
	void (*destroy)(JxlDecoder *);
	JxlDecoderStatus (*subscribe)(JxlDecoder *, int);
	JxlDecoderStatus (*set_input)(JxlDecoder *, const uint8_t *, size_t);
	void (*close_input)(JxlDecoder *);
	JxlDecoderStatus (*process)(JxlDecoder *);
	JxlDecoderStatus (*get_info)(const JxlDecoder *, JxlBasicInfo *);
	JxlDecoderStatus (*set_output)(JxlDecoder *, const JxlPixelFormat *, void *, size_t);
};

static bool find(const struct jxl *x, const char *name, void *function)
{
	void *at = dlsym(x->library, name);

	memcpy(function, &at, sizeof at);
	return at != NULL;
}

static int jxl_open(struct jxl *x, struct err *err)
{
	x->library = dlopen(DCMFS_JXL, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!x->library)
		return err_set(err, -ENOTSUP, "JPEG XL: %s cannot be loaded", DCMFS_JXL);
	if (find(x, "JxlDecoderCreate", &x->create) && find(x, "JxlDecoderDestroy", &x->destroy) &&
		find(x, "JxlDecoderSubscribeEvents", &x->subscribe) &&
		find(x, "JxlDecoderSetInput", &x->set_input) &&
		find(x, "JxlDecoderCloseInput", &x->close_input) &&
		find(x, "JxlDecoderProcessInput", &x->process) &&
		find(x, "JxlDecoderGetBasicInfo", &x->get_info) &&
		find(x, "JxlDecoderSetImageOutBuffer", &x->set_output))
		return 0;
	dlclose(x->library);
	return err_set(err, -ENOTSUP, "JPEG XL: %s lacks functions", DCMFS_JXL);
}

static int check_info(const JxlBasicInfo *info, const struct pixel_desc *desc, struct err *err)
{
	if (info->xsize != desc->cols || info->ysize != desc->rows ||
		info->num_color_channels != desc->samples)
		return err_set(err, -EBADMSG,
			"JPEG XL frame of %ux%u, %u samples, where the "
			"header has %ux%u, %u",
			info->xsize, info->ysize, info->num_color_channels, desc->cols, desc->rows,
			desc->samples);
	if (info->num_extra_channels > MAX_EXTRA_CHANNELS)
		return err_set(err, -ENOTSUP, "JPEG XL frame with %u extra channels",
			info->num_extra_channels);
	if (info->exponent_bits_per_sample || info->bits_per_sample > 16)
		return err_set(err, -ENOTSUP, "JPEG XL frame of %u bits or floats",
			info->bits_per_sample);
	if (info->bits_per_sample > 8 * pixel_sample_bytes(desc))
		return err_set(err, -EBADMSG, "JPEG XL frame of %u bits where %u are allocated",
			info->bits_per_sample, desc->bits_allocated);
	return 0;
}

/* Samples of 0 to 1, as libjxl hands them out whatever the precision, to integers. A float holds
 * 16 bits exactly. */
static void store(const float *in, size_t n, unsigned bits, unsigned width, uint8_t *out)
{
	float max = (float)((1u << bits) - 1), v;
	uint8_t word[8];
	size_t i;

	for (i = 0; i < n; i++) {
		v = in[i] * max + 0.5f;
		put_le64(word, v >= max ? (uint64_t)max : v > 0 ? (uint64_t)v : 0);
		memcpy(out + i * width, word, width);
	}
}

struct job {
	struct jxl jxl;
	const struct pixel_desc *desc;
	JxlBasicInfo info;
	float *samples;
	size_t n;
};

/* The decoder's next wish, answered: 1 to go on, 0 at the end. */
static int answer(JxlDecoder *decoder, JxlDecoderStatus status, struct job *job, struct err *err)
{
	const JxlPixelFormat format = { job->desc->samples, JXL_TYPE_FLOAT, JXL_NATIVE_ENDIAN, 0 };
	int rc;

	switch (status) {
	case JXL_DEC_BASIC_INFO:
		if (job->jxl.get_info(decoder, &job->info) != JXL_DEC_SUCCESS)
			break;
		rc = check_info(&job->info, job->desc, err);
		return rc ? rc : 1;
	case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
		mem_free(job->samples);
		job->samples = mem_alloc(job->n * sizeof *job->samples);
		if (!job->samples)
			return err_nomem(err);
		if (job->jxl.set_output(decoder, &format, job->samples,
			    job->n * sizeof *job->samples) != JXL_DEC_SUCCESS)
			break;
		return 1;
	case JXL_DEC_FULL_IMAGE:
		return 0;
	default:
		break;
	}
	return err_set(err, -EBADMSG, "JPEG XL: broken or short codestream");
}

static int run(JxlDecoder *decoder, struct job *job, const uint8_t *in, size_t in_len,
	struct err *err)
{
	int rc;

	if (job->jxl.subscribe(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_FULL_IMAGE) !=
			JXL_DEC_SUCCESS ||
		job->jxl.set_input(decoder, in, in_len) != JXL_DEC_SUCCESS)
		return err_set(err, -EIO, "JPEG XL: the decoder refuses its input");
	job->jxl.close_input(decoder);
	do
		rc = answer(decoder, job->jxl.process(decoder), job, err);
	while (rc > 0);
	return rc;
}

static int decode_with(struct job *job, const uint8_t *in, size_t in_len, uint8_t *out,
	struct err *err)
{
	JxlDecoder *decoder = job->jxl.create(NULL);
	int rc;

	if (!decoder)
		return err_nomem(err);
	rc = run(decoder, job, in, in_len, err);
	if (rc == 0 && !job->samples)
		rc = err_set(err, -EBADMSG, "JPEG XL: no image in the codestream");
	if (rc == 0)
		store(job->samples, job->n, job->info.bits_per_sample,
			pixel_sample_bytes(job->desc), out);
	mem_free(job->samples);
	job->jxl.destroy(decoder);
	return rc;
}

static int decode(const struct pixel_desc *desc, const uint8_t *in, size_t in_len, uint8_t *out,
	size_t out_len, enum photometric *photometric, struct err *err)
{
	struct job job = { .desc = desc, .n = (size_t)desc->rows * desc->cols * desc->samples };
	int rc = jxl_open(&job.jxl, err);

	(void)out_len;
	if (rc < 0)
		return rc;
	rc = decode_with(&job, in, in_len, out, err);
	if (rc == 0 && desc->samples == 3)
		*photometric = PHOTOMETRIC_RGB;
	dlclose(job.jxl.library);
	return rc;
}

static const char *const syntaxes[] = {
	"1.2.840.10008.1.2.4.110",
	"1.2.840.10008.1.2.4.111",
	"1.2.840.10008.1.2.4.112",
	NULL,
};

const struct codec codec_jxl = { "JPEG XL", syntaxes, decode, .keeps_words = false };

#endif
