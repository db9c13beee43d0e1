// ICU without its code and its data, in the place of the 3 MB and 34 MB that come with a statically linked Foundation.
//
// proxyd asks Foundation for nothing that needs ICU: zones are read from the system's database (ProxyCore/Configuration/Zone), texts are
// compared by scalars, numbers and dates are written by our own code. But Foundation's calendars and locales, which nobody here asks for,
// are linked with the rest of it and name these functions. Each is here as one that cannot do what it is asked for and says so, as ICU's
// own do without their data: U_UNSUPPORTED_ERROR where it has a status, and nothing found.
//
// They are weak, and the linker takes them before it looks into an archive. Where a toolchain brings another ICU, or a Foundation that
// asks for more, that is linked from the toolchain's own, and nothing but the size changes.

#ifdef PROXYD_STATIC_FOUNDATION
#include <stdint.h>

#define WEAK __attribute__((weak))

// U_UNSUPPORTED_ERROR (unicode/utypes.h).
static intptr_t unsupported(int32_t *status) {
    if (status && *status <= 0) *status = 16;
    return 0;
}

// By where the status stands among the arguments that are no floating-point numbers: those go in registers of their own.
typedef intptr_t any;
#define NOTHING(name) WEAK any name(void) { return 0; }
#define NO_NUMBER(name) WEAK double name(void) { return 0; }
#define NO_TEXT(name) WEAK const char *name(void) { return ""; }
#define NO_TEXTS(name) WEAK const char *const *name(void) { static const char *const none[] = {0}; return none; }
#define AT_1(name) WEAK any name(int32_t *status) { return unsupported(status); }
#define AT_2(name) WEAK any name(any a, int32_t *status) { return unsupported(status); }
#define AT_3(name) WEAK any name(any a, any b, int32_t *status) { return unsupported(status); }
#define AT_4(name) WEAK any name(any a, any b, any c, int32_t *status) { return unsupported(status); }
#define AT_5(name) WEAK any name(any a, any b, any c, any d, int32_t *status) { return unsupported(status); }
#define AT_6(name) WEAK any name(any a, any b, any c, any d, any e, int32_t *status) { return unsupported(status); }
#define AT_7(name) WEAK any name(any a, any b, any c, any d, any e, any f, int32_t *status) { return unsupported(status); }
#define AT_8(name) WEAK any name(any a, any b, any c, any d, any e, any f, any g, int32_t *status) { return unsupported(status); }
#define NUMBER_AT_2(name) WEAK double name(any a, int32_t *status) { return (double)unsupported(status); }
#define NUMBER_AT_5(name) WEAK double name(any a, any b, any c, any d, int32_t *status) { return (double)unsupported(status); }

NOTHING(swift_u_charDigitValue) NOTHING(swift_u_charsToUChars) NOTHING(swift_u_getIntPropertyValue) NOTHING(swift_u_hasBinaryProperty)
NOTHING(swift_u_strlen) NOTHING(swift_ucal_clear) NOTHING(swift_ucal_close) NOTHING(swift_ucal_getAttribute) NOTHING(swift_ucal_set)
NOTHING(swift_ucal_setAttribute) NOTHING(swift_ucasemap_close) NOTHING(swift_ucnv_close) NOTHING(swift_ucnv_countAvailable)
NOTHING(swift_ucnv_resetFromUnicode) NOTHING(swift_ucol_close) NOTHING(swift_ucol_closeElements) NOTHING(swift_ucol_getOffset)
NOTHING(swift_ucol_strcoll) NOTHING(swift_ucurr_getNumericCode) NOTHING(swift_udat_applyPattern) NOTHING(swift_udat_close)
NOTHING(swift_udat_countSymbols) NOTHING(swift_udat_getCalendar) NOTHING(swift_udat_isLenient) NOTHING(swift_udat_setCalendar)
NOTHING(swift_udat_setLenient) NOTHING(swift_udat_toCalendarDateField) NOTHING(swift_udatpg_close) NOTHING(swift_udtitvfmt_close)
NOTHING(swift_uenum_close) NOTHING(swift_ufieldpositer_close) NOTHING(swift_ufieldpositer_next) NOTHING(swift_ufmt_close)
NOTHING(swift_ulistfmt_close) NOTHING(swift_uloc_countAvailable) NOTHING(swift_uloc_getLCID) NOTHING(swift_ulocdata_close)
NOTHING(swift_unum_close) NOTHING(swift_unum_getAttribute) NOTHING(swift_unum_setAttribute) NOTHING(swift_unum_setDoubleAttribute)
NOTHING(swift_unumf_close) NOTHING(swift_unumf_closeResult) NOTHING(swift_unumsys_close) NOTHING(swift_unumsys_getRadix)
NOTHING(swift_unumsys_isAlgorithmic) NOTHING(swift_uregex_close) NOTHING(swift_uregion_getContainingRegion)
NOTHING(swift_uregion_getContainingRegionOfType) NOTHING(swift_uregion_getType) NOTHING(swift_ureldatefmt_close)
NOTHING(swift_uset_clear) NOTHING(swift_uset_close) NOTHING(swift_uset_contains) NOTHING(swift_uset_getItemCount)
NOTHING(swift_utrans_close) NOTHING(uatimezone_close) NOTHING(udat_patternCharToDateFormatField)
NO_NUMBER(swift_ucal_getNow) NO_NUMBER(swift_unum_getDoubleAttribute)
NO_TEXT(swift_u_errorName) NO_TEXT(swift_ucnv_getAvailableName) NO_TEXT(swift_uloc_getAvailable) NO_TEXT(swift_uloc_getISO3Language)
NO_TEXT(swift_uloc_toLegacyKey) NO_TEXT(swift_unumsys_getName) NO_TEXT(swift_uregion_getRegionCode)
NO_TEXTS(swift_uloc_getISOCountries) NO_TEXTS(swift_uloc_getISOLanguages)
AT_1(swift_ucal_getTZDataVersion) AT_1(swift_ucal_openTimeZones) AT_1(swift_ufieldpositer_open) AT_1(swift_ufmt_open)
AT_1(swift_unumf_openResult) AT_1(swift_unumsys_openAvailableNames)
AT_2(swift_ucal_clone) AT_2(swift_ucal_isWeekend) AT_2(swift_ucal_setGregorianChange) AT_2(swift_ucal_setMillis)
AT_2(swift_ucnv_countAliases) AT_2(swift_ucnv_open) AT_2(swift_ucol_getKeywordValues) AT_2(swift_ucol_next) AT_2(swift_ucol_open)
AT_2(swift_ucurr_getDefaultFractionDigits) AT_2(swift_ucurr_openISOCurrencies) AT_2(swift_udat_clone)
AT_2(swift_udat_set2DigitYearStart) AT_2(swift_udatpg_clone) AT_2(swift_udatpg_getDefaultHourCycle) AT_2(swift_udatpg_open)
AT_2(swift_uidna_openUTS46) AT_2(swift_ulistfmt_open) AT_2(swift_uloc_getCharacterOrientation) AT_2(swift_uloc_getLineOrientation)
AT_2(swift_uloc_openKeywords) AT_2(swift_ulocdata_getMeasurementSystem) AT_2(swift_ulocdata_open) AT_2(swift_unumsys_open)
AT_2(swift_uregex_clone) AT_2(swift_uregex_findNext) AT_2(swift_uregex_groupCount) AT_2(swift_uregex_hitEnd)
AT_2(swift_uregex_requireEnd) AT_2(swift_uregion_getAvailable) AT_2(swift_uregion_getContainedRegions)
AT_2(swift_uregion_getRegionFromCode)
AT_3(swift_ucal_get) AT_3(swift_ucal_getDayOfWeekType) AT_3(swift_ucal_getFieldDifference) AT_3(swift_ucal_getWeekendTransition)
AT_3(swift_ucasemap_open) AT_3(swift_ucnv_getAlias) AT_3(swift_ucnv_getStandardName) AT_3(swift_udat_getContext)
AT_3(swift_udat_setContext) AT_3(swift_uenum_next) AT_3(swift_uenum_unext) AT_3(swift_ufmt_getDecNumChars) AT_3(swift_unum_getContext)
AT_3(swift_unum_setContext) AT_3(swift_unumf_formatDouble) AT_3(swift_unumf_resultGetAllFieldPositions) AT_3(swift_uregex_end64)
AT_3(swift_uregex_start64) AT_3(swift_uregex_useAnchoringBounds) AT_3(swift_uregex_useTransparentBounds)
AT_3(swift_uregion_getContainedRegionsOfType) AT_3(uatimezone_open)
AT_4(swift_ucal_add) AT_4(swift_ucal_getKeywordValuesForLocale) AT_4(swift_ucal_getLimit) AT_4(swift_ucal_getTimeZoneTransitionDate)
AT_4(swift_ucal_roll) AT_4(swift_ucal_setTimeZone) AT_4(swift_ucnv_getInvalidChars) AT_4(swift_ucnv_getInvalidUChars)
AT_4(swift_ucnv_setSubstChars) AT_4(swift_ucol_getKeywordValuesForLocale) AT_4(swift_ucol_openElements) AT_4(swift_ucol_setAttribute)
AT_4(swift_ucurr_forLocale) AT_4(swift_udat_setBooleanAttribute) AT_4(swift_udat_toPatternRelativeDate)
AT_4(swift_udat_toPatternRelativeTime) AT_4(swift_ulistfmt_openForType) AT_4(swift_uloc_addLikelySubtags)
AT_4(swift_uloc_canonicalize) AT_4(swift_uloc_getCountry) AT_4(swift_uloc_getLanguage) AT_4(swift_uloc_getLocaleForLCID)
AT_4(swift_uloc_getScript) AT_4(swift_uloc_getVariant) AT_4(swift_uloc_minimizeSubtags) AT_4(swift_unumf_formatInt)
AT_4(swift_unumf_openForSkeletonAndLocale) AT_4(swift_unumf_resultToString) AT_4(swift_uregex_groupNumberFromName)
AT_4(swift_uregex_setFindProgressCallback) AT_4(swift_uregex_setMatchCallback) AT_4(swift_uregex_setRegion64)
AT_4(swift_uregex_setText) AT_4(swift_uscript_getCode) AT_4(ualoc_canonicalForm) AT_4(ualoc_getAppleParent)
AT_4(uatimezone_getTimeZoneTransitionDate) AT_4(udtitvfmt_setAttribute)
AT_5(swift_ucal_open) AT_5(swift_udat_format) AT_5(swift_udat_formatForFields) AT_5(swift_udat_toPattern) AT_5(swift_udtitvfmt_format)
AT_5(swift_uloc_getDisplayCountry) AT_5(swift_uloc_getDisplayLanguage) AT_5(swift_uloc_getDisplayName)
AT_5(swift_uloc_getDisplayScript) AT_5(swift_uloc_getDisplayVariant) AT_5(swift_uloc_getKeywordValue) AT_5(swift_uloc_setKeywordValue)
AT_5(swift_uloc_toLanguageTag) AT_5(swift_ulocdata_getDelimiter) AT_5(swift_ulocdata_getExemplarSet) AT_5(swift_unum_formatDouble)
AT_5(swift_unum_getSymbol) AT_5(swift_unum_getTextAttribute) AT_5(swift_unum_parseInt64) AT_5(swift_unum_setSymbol)
AT_5(swift_unum_setTextAttribute) AT_5(swift_unum_toPattern) AT_5(swift_unumf_formatDecimal) AT_5(swift_uregex_open)
AT_5(swift_ureldatefmt_format) AT_5(swift_ureldatefmt_formatNumeric) AT_5(swift_ureldatefmt_open) AT_5(uatimezone_getOffset)
AT_5(uatmufmt_getTimePattern)
AT_6(swift_UCNV_TO_U_CALLBACK_STOP) AT_6(swift_u_formatMessage) AT_6(swift_ucal_getCanonicalTimeZoneID)
AT_6(swift_ucal_getTimeZoneDisplayName) AT_6(swift_ucasemap_utf8ToLower) AT_6(swift_ucasemap_utf8ToTitle)
AT_6(swift_ucasemap_utf8ToUpper) AT_6(swift_ucnv_setFromUCallBack) AT_6(swift_ucnv_setToUCallBack) AT_6(swift_ucurr_getName)
AT_6(swift_udat_applyPatternRelative) AT_6(swift_udat_getSymbols) AT_6(swift_udat_parseCalendar) AT_6(swift_udat_setSymbols)
AT_6(swift_udatpg_getBestPattern) AT_6(swift_udatpg_getSkeleton) AT_6(swift_udtitvfmt_open) AT_6(swift_uloc_getDisplayKeywordValue)
AT_6(swift_unum_applyPattern) AT_6(swift_unum_formatInt64) AT_6(swift_unum_open) AT_6(swift_unum_parseToUFormattable)
AT_6(swift_utrans_trans) AT_6(uameasfmt_getUnitsForUsage) AT_6(uatimezone_getOffsetFromLocal) AT_6(uatmufmt_getListPattern)
AT_7(swift_UCNV_FROM_U_CALLBACK_STOP) AT_7(swift_u_vformatMessage) AT_7(swift_udatpg_getBestPatternWithOptions)
AT_7(swift_uidna_nameToASCII_UTF8) AT_7(swift_uidna_nameToUnicodeUTF8) AT_7(swift_ulistfmt_format) AT_7(swift_unum_formatDecimal)
AT_7(swift_unum_parseDecimal) AT_7(swift_uset_getItem) AT_7(swift_utrans_openU)
AT_8(swift_ucal_setDateTime) AT_8(swift_ucnv_fromUnicode) AT_8(swift_ucnv_toUnicode) AT_8(swift_udat_open)
NUMBER_AT_2(swift_ucal_getGregorianChange) NUMBER_AT_2(swift_ucal_getMillis) NUMBER_AT_2(swift_ucurr_getRoundingIncrement)
NUMBER_AT_5(swift_unum_parseDouble)
#endif
