"""Samples judged by several references, where the training data of a generator are undisclosed.

    {name: reference} --names, opening--> proxies, samples embedded once for each extractor
        --evidence--> p-values and facts of every pair --rule--> what is called, and rests on what
        --judge--> ProxyTable: table, cards, summary, page

"Copied from one of these" is a finding. "Original" never is: the training data may hold more.
Why the error rate holds: docs/explanation/proxies.md, and the docstring of `rule`.

From the ground up:

    rule         one p-value over all proxies, and each left out: the proof
    names        names and scopes
    opening      proxies and samples, opened and embedded once
    evidence     what each proxy says of each sample
    judged       what is called, of which proxy, and what that rests on
    facts        all that was found, before it becomes text
    sentences    verdicts, reasons, and what a proxy cannot show
    rows         the table
    cards        one card a proxy
    summary      lines in a terminal
    page         the page
    proxy_table  ProxyTable: table, summary, page
    judge        rara.proxies
"""
