import sys

from model_server.export_onnx.command import main

sys.exit(main())
