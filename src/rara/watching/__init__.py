"""A generator watched while it trains: every so many steps its samples are judged and logged.

    samples of a step --figures: what rara.compare finds--> row, score table
        --alarm--> too many copies? --journal, kept, strips, loggers--> the log's folder

From the ground up:

    alarm      whether a look shows copying, at one error rate for all looks of a run
    figures    the figures of a look, each with its interval
    journal    the file of the log, one JSON object a line
    kept       samples of the looks, on bounded disk
    strips     the rarest samples and the nearest pairs, as small pictures
    loggers    TensorBoard, Weights & Biases, MLflow
    look       what one look found
    watch      Watch
"""
