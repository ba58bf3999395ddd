// Answers from texts of one's own: dotnet run -c Release --project samples/Retrieval [EMBEDDINGS CHAT]
// Both are packages that `slipway export` made. Without them all-MiniLM-L6-v2 and SmolLM2-135M-Instruct of
// ../shared/assets are exported first. The texts are embedded once and found again in an index of USearch.
using Cloud.Unum.USearch;
using Microsoft.Extensions.AI;
using Slipway;
using Slipway.Checkpoints;
using Slipway.Export;

const string assets = "../shared/assets";
string[] texts =
[
    "The ferry to Ostrava Island leaves at 7:40 from pier 12 and takes 25 minutes.",
    "Guests of the Heron Inn get the key to the sauna at the desk; it is open until 22:00.",
    "The museum of clocks is closed on Tuesdays and costs 9 euros.",
    "Bicycles are rented behind the station for 14 euros a day, helmets included.",
    "The lighthouse can be climbed from May to September; it has 211 steps.",
];
string[] questions = ["How many steps does the lighthouse have?", "From which pier does the ferry leave?"];
if (args.Length < 2 && !Directory.Exists(assets))
{
    Console.WriteLine($"There is no '{assets}'; name the packages of an embedding model and of a chat model.");
    return;
}

var folder = Directory.CreateTempSubdirectory("slipway-").FullName;
try
{
    var made = args.Length < 2;
    using var generator = new OnnxEmbeddingGenerator(
        made ? Export("all-minilm-l6-v2", Precision.Float32) : args[0]);
    using IChatClient client = new OnnxChatClient(
        made ? Export("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf", Precision.Int4) : args[1]);

    // 1. Embed the texts and put each under its number.
    var embeddings = await generator.GenerateAsync(texts);
    using var index = new USearchIndex(MetricKind.Cos, ScalarKind.Float32, (ulong)embeddings[0].Vector.Length);
    foreach (var (number, embedding) in embeddings.Index())
    {
        index.Add((ulong)number, embedding.Vector.ToArray());
    }

    foreach (var question in questions)
    {
        // 2. Find the nearest text, and let the model answer from it.
        var wanted = await generator.GenerateVectorAsync(question);
        index.Search(wanted.ToArray(), 1, out var found, out var distances);
        var text = texts[found[0]];
        Console.WriteLine(FormattableString.Invariant($"{question}\n  {1 - distances[0]:0.00}: {text}"));
        var answer = await client.GetResponseAsync(
            $"{text}\n\nAnswer from this text, in one short sentence: {question}",
            new ChatOptions { Temperature = 0, MaxOutputTokens = 40 });
        Console.WriteLine(answer.Text.Trim());
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

string Export(string source, Precision precision)
{
    var package = Path.Combine(folder, precision.ToString());
    using var checkpoint = Checkpoint.Open(Path.Combine(assets, source));
    Exporter.Export(checkpoint, package, new ExportOptions { Precision = precision });
    return package;
}
