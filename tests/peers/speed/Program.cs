using System.CommandLine;
using System.Globalization;
using LLama.Native;
using Slipway;

var packages = new Argument<string[]>("PACKAGE")
{
    Description = "Packages of one model; the first one's portable graph is GenAI's.",
    Arity = ArgumentArity.OneOrMore,
};
var gguf = new Option<string?>("--gguf") { Description = "The model's GGUF file, for LLamaSharp." };
var threads = new Option<int>("--threads") { DefaultValueFactory = _ => Environment.ProcessorCount };
var streams = new Option<string>("--streams") { DefaultValueFactory = _ => "1,8,32" };
var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 3 };
var prompt = new Option<int>("--prompt-tokens") { DefaultValueFactory = _ => 512 };
var tokens = new Option<int>("--new-tokens") { DefaultValueFactory = _ => 128 };
var text = new Option<string?>("--text") { Description = "A text to state perplexities over; without it none is." };
var windows = new Option<int>("--windows") { Description = "Windows of 1024 tokens.", DefaultValueFactory = _ => 4 };
var command = new RootCommand("Measures Slipway, its plain loop, ONNX Runtime GenAI and LLamaSharp in turns.")
{
    packages, gguf, threads, streams, rounds, prompt, tokens, text, windows,
};
command.SetAction(async result =>
{
    var workload = new Workload(result.GetValue(threads), result.GetValue(prompt), result.GetValue(tokens));
    var folders = result.GetRequiredValue(packages);
    int[] counts = [.. result.GetRequiredValue(streams).Split(',').Select(
        count => int.Parse(count, CultureInfo.InvariantCulture))];
    NativeLibraryConfig.All.WithLogCallback((_, _) => { });
    IContender[] contenders =
    [
        .. folders.Select(folder => new SlipwayContender(folder)),
        new GenAIContender(folders[0]),
        .. result.GetValue(gguf) is { } path ? [new LlamaContender(path)] : Array.Empty<IContender>(),
    ];
    List<IReadOnlyDictionary<int, Rates>[]> measured = [];
    for (var round = 0; round < result.GetValue(rounds); round++)
    {
        List<IReadOnlyDictionary<int, Rates>> turns = [];
        foreach (var contender in contenders)
        {
            Console.Error.WriteLine($"round {round + 1} of {result.GetValue(rounds)}: {contender.Name}");
            turns.Add(await contender.MeasureAsync(workload, counts, round));
        }

        measured.Add([.. turns]);
    }

    Console.WriteLine(FormattableString.Invariant(
        $"{workload.Threads} threads, prompts of {workload.PromptTokens} tokens, {workload.NewTokens} new ones, ")
        + FormattableString.Invariant($"medians of {measured.Count} rounds; a loop reads ")
        + FormattableString.Invariant($"{ReadBandwidth.Measure(workload.Threads) / 1e9:F1} GB/s"));
    new SpeedTable(contenders, measured).Write();
    if (result.GetValue(text) is { } file)
    {
        int[][] cut;
        await using (var model = LanguageModel.Load(folders[0]))
        {
            cut = [.. model.Tokenizer.Encode(await File.ReadAllTextAsync(file), addSpecialTokens: false)
                .Chunk(1024).Take(result.GetValue(windows))];
        }

        foreach (var contender in contenders)
        {
            var perplexity = await contender.PerplexityAsync(cut, workload.Threads);
            Console.WriteLine(FormattableString.Invariant($"perplexity {perplexity:F3}  {contender.Name}"));
        }
    }

    return 0;
});
return await command.Parse(args).InvokeAsync();
