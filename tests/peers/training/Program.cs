using System.CommandLine;
using System.Globalization;
using TrainingPeers;

var recipe = new Argument<string>("RECIPE")
{
    Description = "A recipe of which the first stage's data, sizes and rates are taken.",
};
var tokenizer = new Argument<string>("TOKENIZER") { Description = "The tokenizer.json of its texts." };
var python = new Option<string?>("--python")
{
    Description = "A Python with PyTorch, which takes its turn with the same batches; without it there is none.",
};
var threads = new Option<int>("--threads") { DefaultValueFactory = _ => Environment.ProcessorCount };
var steps = new Option<int>("--steps") { DefaultValueFactory = _ => 20 };
var rounds = new Option<int>("--rounds") { DefaultValueFactory = _ => 3 };
var optimizer = new Option<bool>("--own-optimizer")
{
    Description = "Step by the recipe's optimizer, not by AdamW, which both have.",
};
var profile = new Option<string?>("--profile")
{
    Description = "A file for perf's samples of the last round; DOTNET_PerfMapEnabled=1 names managed code in it.",
};
var command = new RootCommand("Trains a recipe's model with Slipway and PyTorch in turns, and says where time goes.")
{
    recipe, tokenizer, python, threads, steps, rounds, optimizer, profile,
};
command.SetAction(result =>
{
    using var work = TrainingWork.Create(
        result.GetRequiredValue(recipe), result.GetRequiredValue(tokenizer), result.GetValue(steps),
        result.GetValue(threads), result.GetValue(optimizer));
    List<ITrainer> trainers = [new SlipwayTrainer()];
    if (result.GetValue(python) is { } path)
    {
        trainers.Add(new PythonTrainer(path));
    }

    var runs = new List<TrainerRun[]>();
    for (var round = 0; round < result.GetValue(rounds); round++)
    {
        var isLast = round == result.GetValue(rounds) - 1;
        using var samples = isLast && result.GetValue(profile) is { } file ? new StepProfile(file) : null;
        runs.Add([.. trainers.Select(trainer => trainer.Train(work))]);
    }

    Console.WriteLine("| trainer | tokens/s | tokens a processor second | peak memory |");
    Console.WriteLine("|---|---|---|---|");
    for (var index = 0; index < trainers.Count; index++)
    {
        var all = runs.Select(round => round[index]).ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {trainers[index].Name} | {Median(all, run => run.TokensPerSecond):F0} ")
            + string.Create(CultureInfo.InvariantCulture,
                $"| {Median(all, run => run.TokensPerProcessorSecond):F0} | {all.Max(run => run.Peak) >> 20} MiB |"));
    }

    foreach (var (other, index) in trainers.Skip(1).Select((one, index) => (one, index + 1)))
    {
        var difference = runs.Max(round => round[0].Losses.Zip(round[index].Losses)
            .Max(pair => Math.Abs(pair.First - pair.Second)));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Beside {other.Name}: tokens/s × {Ratio(run => run.TokensPerSecond, index):F2}, a processor second × ")
            + string.Create(CultureInfo.InvariantCulture,
                $"{Ratio(run => run.TokensPerProcessorSecond, index):F2} (medians of {runs.Count} rounds); ")
            + string.Create(CultureInfo.InvariantCulture,
                $"largest difference of {work.Batches.Count} losses {difference:E1}."));
    }

    if (result.GetValue(profile) is { } samplesFile)
    {
        StepProfile.Write(samplesFile, Console.Out);
    }

    double Ratio(Func<TrainerRun, double> value, int other) =>
        Median(runs, round => value(round[0]) / value(round[other]));
});
return command.Parse(args).Invoke();

static double Median<T>(IEnumerable<T> all, Func<T, double> value)
{
    double[] sorted = [.. all.Select(value).Order()];
    return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}
