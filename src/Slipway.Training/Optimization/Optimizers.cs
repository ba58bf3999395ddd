using Slipway.Training.Recipes;
using TorchSharp.Modules;

namespace Slipway.Training.Optimization;

/// <summary>Lists the optimizers by the names that recipes give them.</summary>
internal static class Optimizers
{
    public delegate Optimizer Create(IReadOnlyCollection<(string Name, Parameter Weight)> parameters, int threads);

    public static IReadOnlyList<(string Name, OptimizerKind Kind, Create Create)> All { get; } =
    [
        ("adamw", OptimizerKind.AdamW, (parameters, _) => new AdamW(parameters)),
        ("muon", OptimizerKind.Muon, (parameters, threads) => new Muon(parameters, threads)),
        ("lion", OptimizerKind.Lion, (parameters, _) => new Lion(parameters)),
        ("adafactor", OptimizerKind.Adafactor, (parameters, _) => new Adafactor(parameters)),
        ("sgd", OptimizerKind.Sgd, (parameters, _) => new Sgd(parameters)),
    ];

    public static Optimizer Of(
        OptimizerKind kind, IReadOnlyCollection<(string Name, Parameter Weight)> parameters, int threads) =>
        All.First(row => row.Kind == kind).Create(parameters, threads);
}
