@echo off
rem Cairn's command line: the app's own program, told to be Node.
setlocal
set ELECTRON_RUN_AS_NODE=1
"%~dp0..\..\Cairn.exe" "%~dp0..\app.asar\out\main\cli.js" %*
