#include "report_assets.h"

// Embedded by the compiler: a page needs no file beside the program. #embed is C23's; Clang has it in
// every mode.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char report_css[] = {
#embed "report.css"
};
static const unsigned char report_js[] = {
#embed "report.js"
};
static const unsigned char stepper_css[] = {
#embed "stepper.css"
};
static const unsigned char stepper_js[] = {
#embed "stepper.js"
};

ebb_asset ebb_report_css(void) { return (ebb_asset){report_css, sizeof report_css}; }
ebb_asset ebb_report_js(void) { return (ebb_asset){report_js, sizeof report_js}; }
ebb_asset ebb_stepper_css(void) { return (ebb_asset){stepper_css, sizeof stepper_css}; }
ebb_asset ebb_stepper_js(void) { return (ebb_asset){stepper_js, sizeof stepper_js}; }
