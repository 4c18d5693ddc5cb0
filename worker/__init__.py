"""The worker: what TorchServe starts for each of a model's workers, in place of its own program.

    ts/model_service_worker.py   what Java starts: asks the family's parent for a worker, and ends as that worker ends
    family.py                    how the two find each other
    parent.py                    one process a model version: imports and loads once, and forks the workers
    serving.py                   one worker: its socket, and a message after the other
    loading.py                   from the unpacked archive to a handler that can be asked
    context.py                   what the handler sees of a request, and says of its answer
    protocol.py                  TorchServe's messages, as bytes

Standard library and PyYAML, so that a worker holds what its handler imports and nothing else.
"""
