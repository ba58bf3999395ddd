using System.Globalization;
using System.Numerics;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Functions of real numbers [batch, rows, 6] that decide by texts, tables and exceptions.</summary>
/// <remarks>Each with words of its refusal or warning; null for one that is to be right at every size.</remarks>
internal static class TrickyFlow
{
    private const string Path = "path depends on the sizes";
    private const string Number = "no expression of sizes";
    private const string Unknown = "in a way that tracing does not";

    private static readonly float[] Steps = [.. Enumerable.Range(0, 2000).Select(size => size < 300 ? 1f : 2f)];
    private static readonly List<float> StepList = [.. Steps];
    private static readonly int[,] Grid = MakeGrid();
    private static readonly string Letters = new string('a', 310) + new string('b', 2000);

    public static readonly Dictionary<string, (string? Says, Func<Module<Tensor, object>> Make)> All =
        new(StringComparer.Ordinal)
    {
        ["a size through text"] = (null, () => Of(x => x * int.Parse(Text(x.shape[1]), CultureInfo.InvariantCulture))),
        ["a size through a longer text"] = (null, () => Of(x =>
            x * long.Parse($"rows {x.shape[1]}"[5..], CultureInfo.InvariantCulture))),
        ["branch on the text of a size"] = (Path, () => Of(x => Text(x.shape[1]) == "240" ? x.relu() : x)),
        ["branch on the length of a text"] = (Path, () => Of(x => Text(x.shape[1]).Length > 2 ? x.relu() : x)),
        ["branch on an interpolated text"] = (Path, () => Of(x => $"{x.shape[0]}x{x.shape[1]}" == "2x250" ? -x : x)),
        ["branch on the first letter"] = (Path, () => Of(x => Text(x.shape[1])[0] == '9' ? x.relu() : x)),
        ["branch on the end of a text"] = (Path, () => Of(x =>
            Text(x.shape[1]).EndsWith("28", StringComparison.Ordinal) ? x.relu() : x)),
        ["switch on a text"] = (Path, () => Of(x => Text(x.shape[1]) switch { "200" => -x, "222" => x * 2, _ => x })),
        ["joined sizes"] = (Path, () => Of(x => string.Join(',', x.shape) == "2,352,6" ? x.relu() : x)),
        ["padded text"] = (Path, () => Of(x =>
            x.shape[1].ToString("D4", CultureInfo.InvariantCulture) == "0240" ? x.relu() : x)),
        ["table by a text"] = (Number, () => Of(x => x
            * new Dictionary<string, int> { ["rows 240"] = 2 }.GetValueOrDefault($"rows {x.shape[1]}", 1))),
        ["set of texts"] = (Path, () => Of(x =>
            new HashSet<string> { "128", "256" }.Contains(Text(x.shape[1])) ? x.relu() : x)),
        ["hash of a text"] = ("decides by", () => Of(x =>
        {
            var hash = 17;
            foreach (var letter in Text(x.shape[1]))
            {
                hash = (hash * 31) ^ letter;
            }

            return hash % 1000 == 77 ? x.relu() : x;
        })),
        ["branch on a root"] = (Path, () => Of(x => Math.Sqrt(x.shape[1]) > 15 ? x.relu() : x)),
        ["branch on a whole root"] = (Path, () => Of(x => (int)MathF.Sqrt(x.shape[1]) >= 16 ? x.relu() : x)),
        ["branch on a logarithm"] = (Path, () => Of(x => Math.Log2(x.shape[1]) > 7.9 ? x.relu() : x)),
        ["branch on a power"] = (Path, () => Of(x => Math.Pow(x.shape[1], 1.5) > 3000 ? x.relu() : x)),
        ["branch on an exponential"] = (Path, () => Of(x => Math.Exp(-0.01 * x.shape[1]) < 0.1 ? x.relu() : x)),
        ["distance from a size"] = (Number, () => Of(x => x * Math.Abs(x.shape[1] - 240))),
        ["side of a size"] = (Number, () => Of(x => x * Math.Sign(x.shape[1] - 240))),
        ["bits of a size"] = (Path, () => Of(x => BitOperations.Log2((ulong)x.shape[1]) > 7 ? x.relu() : x)),
        ["one bit of a size"] = (Path, () => Of(x => x.shape[1] > 7 && long.IsPow2(x.shape[1]) ? x.relu() : x)),
        ["decimal of a size"] = (Path, () => Of(x => new decimal(x.shape[1]) / 3 > 80 ? x.relu() : x)),
        ["big power of a size"] = (Path, () => Of(x =>
            BigInteger.Pow(x.shape[1], 9) > BigInteger.Pow(240, 9) ? x.relu() : x)),
        ["seconds of a size"] = (Path, () => Of(x =>
            TimeSpan.FromSeconds(x.shape[1]) > TimeSpan.FromMinutes(4) ? x.relu() : x)),
        ["converted product"] = (Number, () => Of(x => x * Convert.ToInt32(x.shape[1] * 0.004))),
        ["byte of a size"] = (Number, () => Of(x => x * unchecked((byte)x.shape[1]))),
        ["signed byte of a size"] = (Path, () => Of(x => unchecked((sbyte)x.shape[1]) < 0 ? x.relu() : x)),
        ["difference without a sign"] = (Path, () => Of(x => unchecked((uint)(x.shape[1] - 240)) < 100 ? x.relu() : x)),
        ["element of an array"] = (Number, () => Of(x => x * Steps[x.shape[1]])),
        ["element of a list"] = (Number, () => Of(x => x * StepList[(int)x.shape[1]])),
        ["element of a grid"] = (Number, () => Of(x => x * Grid[x.shape[0], x.shape[1]])),
        ["letter of a text"] = (Path, () => Of(x => Letters[(int)x.shape[1]] == 'a' ? x : x.relu())),
        ["table by two sizes"] = (Number, () => Of(x => x
            * new Dictionary<(long, long), int> { [(2, 250)] = 2 }.GetValueOrDefault((x.shape[0], x.shape[1]), 1))),
        ["set of two sizes"] = (Path, () => Of(x =>
            new HashSet<(long, long)> { (3, 150), (2, 200) }.Contains((x.shape[0], x.shape[1])) ? x.relu() : x)),
        ["exception of a view"] = ("catches an exception", () => Of(x =>
        {
            try
            {
                return x.view(x.shape[0], 96, -1).flatten(1);
            }
            catch (System.Runtime.InteropServices.ExternalException)
            {
                return x.flatten(1) * 2;
            }
        })),
        ["exception of its own"] = (Path, () => Of(x =>
        {
            try
            {
                return x.shape[1] > 240 ? throw new InvalidOperationException("long") : x;
            }
            catch (InvalidOperationException)
            {
                return x.relu();
            }
        })),
        ["table that ends"] = ("declare", () => Of(x => x + ones(500, 1).cumsum(0)[..(int)x.shape[1]])),
        ["flag set in a loop over rows"] = (Unknown, () => Of(x =>
        {
            var isLong = false;
            for (var row = 0; row < x.shape[1]; row++)
            {
                isLong |= row == 333;
            }

            return isLong ? x.relu() : x;
        })),
        ["halved until nothing is left"] = (Unknown, () => Of(x =>
        {
            var depth = 0;
            for (var rows = x.shape[1]; rows > 0; rows /= 2)
            {
                depth++;
            }

            return depth > 8 ? x.relu() : x;
        })),
        ["depth by recursion"] = (Unknown, () => Of(x => Depth(x.shape[1]) > 8 ? x.relu() : x)),
        ["number of positions read"] = (Path, () => Of(x => ones(x.shape[1]).sum().item<float>() > 240 ? -x : x)),
        ["sum of positions read"] = (Unknown, () => Of(x => arange(x.shape[1]).sum().item<long>() > 20000 ? -x : x)),
        ["root of a size read"] = (Unknown, () => Of(x => tensor(x.shape[1]).sqrt().item<float>() > 15 ? -x : x)),
        ["year"] = ("keeps what that was", () => Of(x => x * (DateTime.UtcNow.Year > 2999 ? 2 : 1))),
        ["variable of the environment"] = ("keeps what that was", () => Of(x =>
            Environment.GetEnvironmentVariable("SLIPWAY_TRICKY") is null ? x : x * 2)),
        ["number of processors"] = ("keeps what that was", () => Of(x => Environment.ProcessorCount > 4000 ? -x : x)),
        ["rare chance"] = (Unknown, () => Of(x => Random.Shared.NextDouble() < 1e-12 ? x.relu() : x)),
        ["gradient within forward"] = ("In the module", () => Of(x =>
        {
            using var grad = enable_grad();
            var y = x.detach().requires_grad_();
            (y * y).sum().backward();
            return y.grad! + x;
        })),
        ["spectrum"] = ("no form in ONNX here", () => Of(x => fft.rfft(x).abs())),
        ["sparse product"] = ("Complex numbers", () => Of(x => x.to_sparse().to_dense())),
        ["another memory set"] = ("belongs to training", () => Of(x =>
        {
            var y = x * 1;
            y.set_(x * 2);
            return y;
        })),
        ["windows by strides"] = ("how memory is laid out", () => Of(x => x.as_strided([2, 3], [6, 1]))),
        ["positions added to twice"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.index_add_(2, tensor((long[])[1, 1, 4]), x[.., .., ..3], 1);
            return y;
        })),
        ["positions put with sums"] = (null, () => Of(x =>
        {
            var y = zeros(6, 6);
            y.index_put_(
                ones(3), (Tensor[])[tensor((long[])[1, 1, 4]), tensor((long[])[2, 2, 0])], accumulate: true);
            return x.matmul(y);
        })),
        ["tensors compared"] = ("reads the elements", () => Of(x => x.allclose(x * 1) ? x : x.relu())),
        ["a parameter divided in place"] = ("keeps nothing between runs", () => new DividesWeight()),
        ["a buffer through an alias"] = ("keeps nothing between runs", () => new WritesAlias()),
        ["statistics of training kept"] = ("keeps nothing between runs", () => new KeepsStatistics()),
        ["part of a pair of sizes"] = (null, () => Of(x =>
        {
            var (batch, rows) = (x.shape[0], x.shape[1]);
            return x.view(batch * rows, 6).cumsum(-1).view(batch, rows, 2, 3).transpose(2, 3);
        })),
        ["name of a part by a size"] = ("not the same", () => new NamedBySize()),
        ["part by an index of sizes"] = ("not the same", () => new PartBySize()),
        ["text that only names"] = (null, () => Of(x =>
        {
            var name = $"block of {x.shape[1]} rows";
            return name.Length == 0 ? throw new InvalidOperationException(name) : x * 2;
        })),
    };

    private static Module<Tensor, object> Of(Func<Tensor, object> function) => Constructs.Of(function);

    private static string Text(long size) => size.ToString(CultureInfo.InvariantCulture);

    private static int Depth(long rows) => rows == 0 ? 0 : 1 + Depth(rows / 2);

    private static int[,] MakeGrid()
    {
        var grid = new int[200, 2000];
        for (var row = 0; row < 200; row++)
        {
            for (var column = 0; column < 2000; column++)
            {
                grid[row, column] = column < 340 ? 1 : 2;
            }
        }

        return grid;
    }
}

/// <summary>Divides its weight in every run.</summary>
internal sealed class DividesWeight : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.Linear _layer = Linear(6, 6);

    public DividesWeight()
        : base(nameof(DividesWeight)) => RegisterComponents();

    public override object forward(Tensor input)
    {
        _layer.weight.div_(_layer.weight.norm());
        return _layer.call(input);
    }
}

/// <summary>Writes into a buffer by another tensor on its memory.</summary>
internal sealed class WritesAlias : Module<Tensor, object>
{
    private readonly Tensor _mean = zeros(6);

    public WritesAlias()
        : base(nameof(WritesAlias)) => register_buffer("mean", _mean);

    public override object forward(Tensor input)
    {
        _mean.detach().view(6).copy_(input.mean([0L, 1L]));
        return input - _mean;
    }
}

/// <summary>Has a norm in training whenever it runs.</summary>
internal sealed class KeepsStatistics : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.BatchNorm1d _norm = BatchNorm1d(6);

    public KeepsStatistics()
        : base(nameof(KeepsStatistics)) => RegisterComponents();

    public override object forward(Tensor input)
    {
        _norm.train();
        return _norm.call(input.mT);
    }
}

/// <summary>Has parts for odd and for even numbers of rows, by their names.</summary>
internal sealed class NamedBySize : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.ModuleDict<Module<Tensor, Tensor>> _parts = ModuleDict<Module<Tensor, Tensor>>(
        ("0", Linear(6, 6)), ("1", Linear(6, 6)));

    public NamedBySize()
        : base(nameof(NamedBySize)) => RegisterComponents();

    public override object forward(Tensor input) => _parts[$"{input.shape[1] % 2}"].call(input);
}

/// <summary>Has parts for odd and for even numbers of rows, in an array.</summary>
internal sealed class PartBySize : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.ModuleList<Module<Tensor, Tensor>> _parts =
        ModuleList<Module<Tensor, Tensor>>(Linear(6, 6), Linear(6, 6));

    public PartBySize()
        : base(nameof(PartBySize)) => RegisterComponents();

    public override object forward(Tensor input) => _parts[(int)(input.shape[1] % 2)].call(input);
}
