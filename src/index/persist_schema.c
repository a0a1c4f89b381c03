/* SPDX-License-Identifier: MIT */
/* Columns and SQL of the saved index: see persist_schema.h. */
#include "persist_schema.h"

#include "base/buf.h"
#include "index/instance.h"

#define A(name, member, type)                                                                      \
	{                                                                                          \
		name, COLUMN_##type, offsetof(struct attributes, member)                           \
	}
#define I(name, member, type)                                                                      \
	{                                                                                          \
		name, COLUMN_##type, offsetof(struct instance, member)                             \
	}

const struct column persist_attributes[] = {
	A("PatientID", patient_id, TEXT),
	A("PatientName", patient_name, TEXT),
	A("PatientBirthDate", patient_birth_date, TEXT),
	A("PatientSex", patient_sex, TEXT),
	A("StudyInstanceUID", study_uid, TEXT),
	A("StudyDate", study_date, TEXT),
	A("StudyTime", study_time, TEXT),
	A("StudyDescription", study_description, TEXT),
	A("StudyID", study_id, TEXT),
	A("AccessionNumber", accession_number, TEXT),
	A("SeriesInstanceUID", series_uid, TEXT),
	A("SeriesNumber", series_number, INT32),
	A("SeriesDescription", series_description, TEXT),
	A("SeriesDate", series_date, TEXT),
	A("SeriesTime", series_time, TEXT),
	A("ProtocolName", protocol_name, TEXT),
	A("Modality", modality, TEXT),
	A("SOPClassUID", sop_class, TEXT),
	A("TransferSyntaxUID", transfer_syntax, TEXT),
	A("ImageType", image_type, TEXT),
	A("Manufacturer", manufacturer, TEXT),
	A("ManufacturerModelName", model_name, TEXT),
	A("SoftwareVersions", software_versions, TEXT),
	A("StationName", station_name, TEXT),
	A("InstitutionName", institution_name, TEXT),
	A("BodyPartExamined", body_part, TEXT),
	A("PatientPosition", patient_position, TEXT),
	A("FrameOfReferenceUID", frame_of_reference_uid, TEXT),
	A("SequenceName", sequence_name, TEXT),
	A("ScanningSequence", scanning_sequence, TEXT),
	A("SequenceVariant", sequence_variant, TEXT),
	A("ScanOptions", scan_options, TEXT),
	A("ReceiveCoilName", coil_name, TEXT),
	A("AcquisitionDate", acquisition_date, TEXT),
	A("MRAcquisitionType", mr_acquisition_type, TEXT),
	A("InPlanePhaseEncodingDirection", pe_direction, TEXT),
	A("ComplexImageComponent", complex_component, TEXT),
	A("EchoNumbers", echo_number, INT32),
	A("EchoTrainLength", echo_train_length, INT32),
	A("EchoTime", echo_time, DOUBLE),
	A("RepetitionTime", repetition_time, DOUBLE),
	A("InversionTime", inversion_time, DOUBLE),
	A("FlipAngle", flip_angle, DOUBLE),
	A("ImagingFrequency", image_frequency, DOUBLE),
	A("NumberOfAverages", number_of_averages, DOUBLE),
	A("SliceThickness", slice_thickness, DOUBLE),
	A("SpacingBetweenSlices", spacing_between_slices, DOUBLE),
	A("RowSpacing", pixel_spacing[0], DOUBLE),
	A("ColumnSpacing", pixel_spacing[1], DOUBLE),
	A("OrientationRowX", orientation[0], DOUBLE),
	A("OrientationRowY", orientation[1], DOUBLE),
	A("OrientationRowZ", orientation[2], DOUBLE),
	A("OrientationColumnX", orientation[3], DOUBLE),
	A("OrientationColumnY", orientation[4], DOUBLE),
	A("OrientationColumnZ", orientation[5], DOUBLE),
	A("Rows", pixel.rows, UINT32),
	A("Columns", pixel.cols, UINT32),
	A("SamplesPerPixel", pixel.samples, UINT16),
	A("BitsAllocated", pixel.bits_allocated, UINT16),
	A("BitsStored", pixel.bits_stored, UINT16),
	A("HighBit", pixel.high_bit, UINT16),
	A("PixelRepresentation", pixel.is_signed, BOOL),
	A("PlanarConfiguration", pixel.planar, BOOL),
	A("big_endian", pixel.big_endian, BOOL),
	A("pixel_kind", pixel.kind, UINT32),
	A("photometric", pixel.photometric, UINT32),
	A("n_tiles", n_tiles, INT32),
	A("ge_image_part", ge_image_part, INT32),
	A("field_map_first", field_map_first, BOOL),
	A("is_pepolar", is_pepolar, BOOL),
	A("pepolar_mode", pepolar_mode, INT32),
	A("n_locations", locations_in_acquisition, INT32),
};
const size_t persist_n_attributes = sizeof persist_attributes / sizeof *persist_attributes;

const struct column persist_instance[] = {
	I("size", size, UINT64),
	I("inode", ino, UINT64),
	I("mtime_ns", mtime_ns, INT64),
	I("InstanceNumber", number, INT32),
	I("AcquisitionNumber", acquisition_number, INT32),
	I("NumberOfFrames", n_frames, UINT32),
	I("PositionX", position[0], DOUBLE),
	I("PositionY", position[1], DOUBLE),
	I("PositionZ", position[2], DOUBLE),
	I("AcquisitionTime", acquisition_time, DOUBLE),
	I("ContentTime", content_time, DOUBLE),
	I("TriggerTime", trigger_time, DOUBLE),
	I("FrameReferenceTime", frame_reference_time, DOUBLE),
	I("ActualFrameDuration", frame_duration, DOUBLE),
	I("TemporalPositionIdentifier", temporal_position, INT32),
	I("DiffusionBValue", b_value, DOUBLE),
	I("RescaleSlope", slope, DOUBLE),
	I("RescaleIntercept", intercept, DOUBLE),
};
const size_t persist_n_instance = sizeof persist_instance / sizeof *persist_instance;

/* A member more is a column more, and another version. */
_Static_assert(sizeof(void *) != 8 || sizeof(struct attributes) == 480,
	"persist_attributes has every member");

static const char *const views =
	"CREATE VIEW instances AS SELECT"
	" CASE d.path WHEN '' THEN f.name ELSE d.path || '/' || f.name END AS path, f.*, a.*,"
	" printf('%.10g\\%.10g\\%.10g', PositionX, PositionY, PositionZ) AS ImagePositionPatient,"
	" printf('%.10g\\%.10g\\%.10g\\%.10g\\%.10g\\%.10g', OrientationRowX, OrientationRowY, "
	"OrientationRowZ,"
	" OrientationColumnX, OrientationColumnY, OrientationColumnZ) AS ImageOrientationPatient,"
	" printf('%.10g\\%.10g', RowSpacing, ColumnSpacing) AS PixelSpacing"
	" FROM files f JOIN folders d ON d.id = f.folder JOIN attributes a ON a.id = f.attributes;"
	"CREATE VIEW series AS SELECT PatientID, PatientName, StudyInstanceUID, StudyDate, "
	"StudyDescription,"
	" SeriesInstanceUID, SeriesNumber, min(SeriesDescription) AS SeriesDescription, "
	"min(ProtocolName) AS ProtocolName,"
	" min(Modality) AS Modality, min(Manufacturer) AS Manufacturer, min(BodyPartExamined) AS "
	"BodyPartExamined,"
	" min(MRAcquisitionType) AS MRAcquisitionType, min(EchoTime) AS EchoTime, "
	"min(RepetitionTime) AS RepetitionTime,"
	" min(SliceThickness) AS SliceThickness, max(Rows) AS Rows, max(Columns) AS Columns,"
	" count(*) AS NumberOfSeriesRelatedInstances, sum(size) AS bytes"
	" FROM instances GROUP BY PatientID, PatientName, StudyInstanceUID, SeriesInstanceUID, "
	"SeriesNumber;"
	"CREATE VIEW studies AS SELECT PatientID, PatientName, StudyInstanceUID, min(StudyDate) AS "
	"StudyDate,"
	" min(StudyTime) AS StudyTime, min(StudyDescription) AS StudyDescription, min(StudyID) AS "
	"StudyID,"
	" min(AccessionNumber) AS AccessionNumber, group_concat(DISTINCT Modality) AS "
	"ModalitiesInStudy,"
	" count(DISTINCT SeriesInstanceUID) AS NumberOfStudyRelatedSeries,"
	" count(*) AS NumberOfStudyRelatedInstances, sum(size) AS bytes"
	" FROM instances GROUP BY PatientID, PatientName, StudyInstanceUID;"
	"CREATE VIEW patients AS SELECT PatientID, min(PatientName) AS PatientName,"
	" min(PatientBirthDate) AS PatientBirthDate, min(PatientSex) AS PatientSex,"
	" count(DISTINCT StudyInstanceUID) AS NumberOfPatientRelatedStudies,"
	" count(*) AS NumberOfPatientRelatedInstances, sum(size) AS bytes"
	" FROM instances GROUP BY PatientID, CASE WHEN PatientID IS NULL THEN PatientName END;";

static const char *sql_type(enum column_type type)
{
	return type == COLUMN_TEXT ? "TEXT" : type == COLUMN_DOUBLE ? "REAL" : "INTEGER";
}

static void declare(struct buf *b, const struct column *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(b, ", %s %s", c[i].name, sql_type(c[i].type));
}

void persist_create_sql(struct buf *out)
{
	buf_adds(out,
		"CREATE TABLE about (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
		"CREATE TABLE folders (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);"
		"CREATE TABLE attributes (id INTEGER PRIMARY KEY, checksum INTEGER, negative_zeros "
		"INTEGER");
	declare(out, persist_attributes, persist_n_attributes);
	buf_adds(out,
		");CREATE TABLE files (folder INTEGER, name TEXT, kind INTEGER, text TEXT,"
		" n_problems INTEGER, attributes INTEGER, checksum INTEGER,"
		" SOPInstanceUID TEXT, record BLOB");
	declare(out, persist_instance, persist_n_instance);
	buf_adds(out,
		", PRIMARY KEY (folder, name)) WITHOUT ROWID;"
		"CREATE TABLE problems (folder INTEGER, name TEXT, n INTEGER, off INTEGER, text "
		"TEXT,"
		" PRIMARY KEY (folder, name, n)) WITHOUT ROWID;");
	buf_adds(out, views);
	buf_addf(out, "PRAGMA application_id = %d; PRAGMA user_version = %d;", PERSIST_APPLICATION,
		PERSIST_VERSION);
	buf_addc(out, '\0');
}

/* The names of the members' columns, and as many places for their values. */
static void list_columns(struct buf *names, struct buf *marks, const struct column *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		buf_addf(names, ", %s", c[i].name);
		if (marks)
			buf_adds(marks, ", ?");
	}
}

/* own, marks: the columns before the members', and a mark for each. */
static void insert_sql(struct buf *out, const char *table, const char *own, const char *marks,
	const struct column *c, size_t n)
{
	struct buf values;

	buf_init(&values);
	buf_addf(out, "INSERT OR REPLACE INTO %s (%s", table, own);
	list_columns(out, &values, c, n);
	buf_addf(out, ") VALUES (%s%.*s)", marks, (int)values.len, values.data);
	buf_addc(out, '\0');
	buf_release(&values);
}

#define ATTRIBUTES_OWN "id, checksum, negative_zeros"
#define FILES_OWN                                                                                  \
	"folder, name, kind, text, n_problems, attributes, checksum, SOPInstanceUID, record"

void persist_attributes_sql(struct buf *insert, struct buf *select)
{
	insert_sql(insert, "attributes", ATTRIBUTES_OWN, "?, ?, ?", persist_attributes,
		persist_n_attributes);
	buf_adds(select, "SELECT " ATTRIBUTES_OWN);
	list_columns(select, NULL, persist_attributes, persist_n_attributes);
	buf_adds(select, " FROM attributes ORDER BY id");
	buf_addc(select, '\0');
}

void persist_files_sql(struct buf *insert, struct buf *select)
{
	insert_sql(insert, "files", FILES_OWN, "?, ?, ?, ?, ?, ?, ?, ?, ?", persist_instance,
		persist_n_instance);
	buf_adds(select, "SELECT " FILES_OWN " FROM files WHERE folder BETWEEN ?1 AND ?2");
	buf_addc(select, '\0');
}
