/* SPDX-License-Identifier: MIT */
/*
 * Siemens' sequences that label spins: each keeps its numbers elsewhere in the protocol, the
 * research ones in free fields (dcm2niix, Siemens/README.md "Arterial Spin Labeling"; units are
 * BIDS's: s, mm, degrees).
 */
#include "siemens.h"

#include <math.h>
#include <string.h>

#include "dicom/tags.h"
#include "vendor/keys.h"

static double wip_double(const struct siemens *w, unsigned i)
{
	double v = siemens_element(w, "sWipMemBlock.adFree", i);

	return isnan(v) ? siemens_element(w, "sWiPMemBlock.adFree", i) : v;
}

static double wip_long(const struct siemens *w, unsigned i)
{
	double v = siemens_element(w, "sWipMemBlock.alFree", i);

	return isnan(v) ? siemens_element(w, "sWiPMemBlock.alFree", i) : v;
}

/* The delays from al[first] on, ms, to the first that is not set. */
static void delays(const struct siemens *w, enum key key, unsigned first, unsigned end)
{
	double list[32];
	unsigned i, n = 0;

	for (i = first; i < end && n < 32; i++) {
		double v = wip_long(w, i);

		if (!(v > 0))
			break;
		list[n++] = v / 1000;
	}
	keys_list(w->out, key, list, n);
}

static void pcasl_2d(const struct siemens *w) /* D. J. J. Wang's */
{
	struct keys *o = w->out;

	keys_number(o, KEY_LabelingDistance, wip_double(w, 1));
	keys_number(o, KEY_PostLabelingDelay, wip_double(w, 2) * SIEMENS_US);
	keys_number(o, KEY_NumRFBlocks, wip_double(w, 3));
	/* blocks of twenty pulses of 0.92 ms */
	keys_number(o, KEY_LabelingDuration, wip_double(w, 3) * 20 * 0.92e-3);
	keys_number(o, KEY_RFGap, wip_double(w, 4) * SIEMENS_US);
	keys_number(o, KEY_MeanGzx10, wip_double(w, 10));
	keys_number(o, KEY_PhiAdjust, wip_double(w, 11));
}

static void pcasl_3d(const struct siemens *w) /* D. J. J. Wang's */
{
	keys_number(w->out, KEY_RFGap, wip_double(w, 4) * SIEMENS_US);
	keys_number(w->out, KEY_MeanGzx10, wip_double(w, 10));
	keys_number(w->out, KEY_T1, wip_double(w, 12) * SIEMENS_US);
}

static void product_pasl(const struct siemens *w)
{
	keys_number(w->out, KEY_BolusDuration, siemens_element(w, "alTI", 0) * SIEMENS_US);
	keys_number(w->out, KEY_InversionTime, siemens_element(w, "alTI", 2) * SIEMENS_US);
}

static void fairest(const struct siemens *w)
{
	keys_text(w->out, KEY_PASLType, "FAIR");
	keys_number(w->out, KEY_PostInversionDelay, wip_double(w, 2) / 1000);
	keys_number(w->out, KEY_PostLabelingDelay, wip_double(w, 4) / 1000);
}

static void oxford_plane(const struct siemens *w) /* where spins are labelled: a saturation slab */
{
	struct keys *o = w->out;

	keys_number(o, KEY_TagPlaneDThickness, siemens_entry(w, "sRSatArray.asElm[1].dThickness"));
	keys_number(o, KEY_TagPlaneUlShape, siemens_entry(w, "sRSatArray.asElm[1].ulShape"));
	keys_number(o, KEY_TagPlaneSPositionDTra,
		siemens_entry(w, "sRSatArray.asElm[1].sPosition.dTra"));
	keys_number(o, KEY_TagPlaneSNormalDTra,
		siemens_entry(w, "sRSatArray.asElm[1].sNormal.dTra"));
}

static void oxford_2d(const struct siemens *w) /* T. Okell's */
{
	struct keys *o = w->out;
	unsigned i;

	product_pasl(w);
	keys_number(o, KEY_LabelingPulseFlipAngle, wip_long(w, 4));
	keys_number(o, KEY_LabelingPulseDuration, wip_long(w, 5) * SIEMENS_US);
	keys_number(o, KEY_TagRFSeparation, wip_long(w, 6) * SIEMENS_US);
	keys_number(o, KEY_LabelingPulseAverageGradient, wip_double(w, 0));
	keys_number(o, KEY_LabelingPulseMaximumGradient, wip_double(w, 1));
	keys_number(o, KEY_TagDuration, wip_long(w, 9) / 1000);
	keys_number(o, KEY_MaximumT1Opt, wip_long(w, 10) / 1000);
	delays(w, KEY_InitialPostLabelDelay, 11, 31);
	for (i = 3; i < 11; i++)
		keys_number(o, (enum key)(KEY_sWipMemBlockAdFree3 + i - 3), wip_double(w, i));
	oxford_plane(w);
}

static void oxford_3d(const struct siemens *w)
{
	struct keys *o = w->out;
	unsigned i;

	keys_number(o, KEY_TagRFFlipAngle, wip_long(w, 6));
	keys_number(o, KEY_TagRFDuration, wip_long(w, 7) * SIEMENS_US);
	keys_number(o, KEY_TagRFSeparation, wip_long(w, 8) * SIEMENS_US);
	keys_number(o, KEY_MaximumT1Opt, wip_long(w, 9) / 1000);
	for (i = 0; i < 4; i++)
		keys_number(o, (enum key)(KEY_Tag0 + i), wip_long(w, 10 + i) / 1000);
	delays(w, KEY_InitialPostLabelDelay, 30, 38);
	oxford_plane(w);
}

/* The product since XA tells both in the protocol proper. */
static void product_asl(const struct siemens *w)
{
	keys_number(w->out, KEY_LabelingDuration,
		siemens_entry(w, "sAsl.ulLabelingDuration") * SIEMENS_US);
	keys_number(w->out, KEY_PostLabelingDelay,
		siemens_element(w, "sAsl.sPostLabelingDelay", 0) * SIEMENS_US);
}

/* Spin labelling by the name of the sequence: each keeps its numbers elsewhere. */
static const struct labelling {
	const char *sequence;
	const char *type, *pasl_type;
	bool has_preparation; /* TR is of the whole preparation, and told in ms */
	bool has_voxel_size;
	void (*keys)(const struct siemens *w);
} labellings[] = {
	{ "jw_tgse_VEPCASL", "PCASL", NULL, false, true, oxford_3d },
	{ "to_ep2d_VEPCASL", "PCASL", NULL, true, true, oxford_2d },
	{ "ep2d_pcasl", "PCASL", NULL, true, true, pcasl_2d },
	{ "tgse_pcasl", "PCASL", NULL, true, true, pcasl_3d },
	{ "ep2d_pasl", "PASL", "PICORE", false, true, product_pasl },
	{ "tgse_pasl", "PASL", "FAIR QII", false, true, product_pasl },
	{ "ep2d_fairest", "PASL", "FAIR", false, true, fairest },
	{ "ep2d_asl", "PCASL", NULL, false, false, product_asl },
	{ "tgse_asl", "PCASL", NULL, false, false, product_asl },
};

void siemens_spin_labelling(const struct siemens *w)
{
	const char *sequence = keys_get_text(w->out, KEY_PulseSequenceDetails);
	const double size[3] = { w->in->voxel_mm[0], w->in->voxel_mm[1],
		view_number(&w->v, DCM_SliceThickness, 0) };
	const struct labelling *l = labellings, *end = l + sizeof labellings / sizeof *labellings;

	while (l < end && !(sequence && strstr(sequence, l->sequence)))
		l++;
	if (l == end)
		return;
	keys_text(w->out, KEY_ArterialSpinLabelingType, l->type);
	keys_text(w->out, KEY_PASLType, l->pasl_type);
	l->keys(w);
	if (l->has_voxel_size)
		keys_list(w->out, KEY_AcquisitionVoxelSize, size, 3);
	if (l->has_preparation)
		keys_number(w->out, KEY_RepetitionTimePreparation,
			keys_get_number(w->out, KEY_RepetitionTime) * 1000);
	/* label and control alternate: an odd one is for the calibration */
	if (l->has_voxel_size && w->in->dim[3] % 2 == 1)
		keys_text(w->out, KEY_M0Type, "Included");
}
