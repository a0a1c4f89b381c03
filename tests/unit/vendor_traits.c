/* SPDX-License-Identifier: MIT */
/* What the planner knows of a maker from the index record alone. */
#include <criterion/criterion.h>

#include "vendor/vendor.h"

Test(vendor_traits, only_the_xa_line_exports_a_scan_as_many_series)
{
	cr_expect(vendor_traits("SIEMENS", "syngo MR XA30", NULL).scan_spans_series);
	cr_expect(vendor_traits("Siemens Healthineers", "syngo MR XA10A", NULL).scan_spans_series);
	cr_expect_not(vendor_traits("SIEMENS", "syngo MR E11", NULL).scan_spans_series);
	cr_expect_not(vendor_traits("SIEMENS", "XAVIER", NULL).scan_spans_series);
	cr_expect_not(vendor_traits("SIEMENS", NULL, NULL).scan_spans_series);
	cr_expect_not(vendor_traits("Philips", "XA30", NULL).scan_spans_series);
}

Test(vendor_traits, dynamic_studies_span_series_or_count_acquisitions)
{
	struct vendor_traits e11 = vendor_traits("SIEMENS", "syngo MR E11", "*fldyn3d1");
	struct vendor_traits xa = vendor_traits("SIEMENS", "syngo MR XA30", "*fldyn3d1");

	cr_expect(e11.dynamic_spans_series && !e11.acquisition_is_time);
	cr_expect(!xa.dynamic_spans_series && xa.acquisition_is_time);
	cr_expect_not(vendor_traits("SIEMENS", "syngo MR E11", "*fl3d1").dynamic_spans_series);
}

Test(vendor_traits, philips_keeps_traces_and_trigger_delays_apart)
{
	struct vendor_traits philips = vendor_traits("Philips Medical Systems", NULL, NULL);
	struct vendor_traits unknown = vendor_traits(NULL, NULL, NULL);

	cr_expect(philips.trace_apart && philips.splits_by_trigger_delay);
	cr_expect_not(unknown.trace_apart || unknown.splits_by_trigger_delay);
}

Test(vendor_traits, acquisition_times_of_ge_do_not_measure_the_repetition_time)
{
	cr_expect(vendor_traits("GE MEDICAL SYSTEMS", NULL, NULL).times_unreliable);
	cr_expect(vendor_traits("GE", NULL, NULL).times_unreliable);
	cr_expect_not(vendor_traits("SIEMENS", NULL, NULL).times_unreliable);
}
