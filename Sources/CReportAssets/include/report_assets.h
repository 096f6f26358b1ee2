#ifndef EBB_REPORT_ASSETS_H
#define EBB_REPORT_ASSETS_H

/// A text that is part of the program.
typedef struct {
  const unsigned char *bytes;
  long count;
} ebb_asset;

/// What the pages of reports and explanations look like, and what they do.
ebb_asset ebb_report_css(void);
ebb_asset ebb_report_js(void);
ebb_asset ebb_stepper_css(void);
ebb_asset ebb_stepper_js(void);

#endif
