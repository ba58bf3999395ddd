// Ranks passages and labels texts: dotnet run -c Release --project samples/ClassifyAndRerank [RERANKER [CLASSIFIER]]
// Both are packages that `slipway export` made: a cross-encoder or a decoder that answers yes or no, and a model for
// sequence classification. Without them the tiny cross-encoder of ../shared/assets shows the calls; its weights are
// random, so what it prefers means nothing.
using Slipway;
using Slipway.Checkpoints;
using Slipway.Export;

const string tiny = "../shared/assets/sentence-transformers/cross-encoder";
if (args.Length == 0 && !Directory.Exists(tiny))
{
    Console.WriteLine($"There is no '{tiny}'; name the package of a reranker, and of a classifier.");
    return;
}

var folder = Directory.CreateTempSubdirectory("slipway-").FullName;
try
{
    // 1. Each loads its model with the first request; AddOnnxReranker and AddOnnxTextClassifier register them.
    var package = args.ElementAtOrDefault(0) ?? Export(tiny, Path.Combine(folder, "package"));
    using var reranker = new OnnxReranker(package);
    using var classifier = new OnnxTextClassifier(args.ElementAtOrDefault(1) ?? package);

    // 2. Rank passages for a query, the best first.
    string[] passages =
    [
        "Berlin had a population of 3,520,031 registered inhabitants.",
        "Berlin is well known for its museums.",
        "A man is eating food.",
    ];
    Console.WriteLine("How many people live in Berlin?");
    foreach (var (index, score) in await reranker.RankAsync("How many people live in Berlin?", passages))
    {
        Console.WriteLine(FormattableString.Invariant($"  {score.Score:0.0000}  {passages[index]}"));
    }

    // 3. Label texts; pairs of them go the same way.
    foreach (var (text, result) in passages.Zip(await classifier.ClassifyAsync(passages)))
    {
        Console.WriteLine(FormattableString.Invariant($"{result.Best.Label} ({result.Best.Score:0.0000}): {text}"));
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

static string Export(string source, string package)
{
    using var checkpoint = Checkpoint.Open(source);
    Exporter.Export(checkpoint, package);
    return package;
}
