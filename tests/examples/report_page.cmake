# Draws the page of a run of one epoch, as wide as a phone and as a desk.
# -DPROGRAM=<grow_cnn> -DNODE= -DSCRIPT=<report_page.js> -DFOLDER=<for the page>
cmake_minimum_required(VERSION 3.25)
set(page ${FOLDER}/report_page.html)
execute_process(COMMAND ${PROGRAM} --epochs 1 --report ${page} OUTPUT_QUIET
                COMMAND_ERROR_IS_FATAL ANY)
foreach(width 320 360 1280)
  execute_process(COMMAND ${NODE} ${SCRIPT} ${page} ${width} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
