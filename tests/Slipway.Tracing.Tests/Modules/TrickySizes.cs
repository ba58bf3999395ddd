using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Functions of real numbers [batch, rows, 6] in which sizes decide numbers, parts and paths.</summary>
/// <remarks>Each with words of its refusal or warning; null for one that is to be right at every size.</remarks>
internal static class TrickySizes
{
    public static readonly Dictionary<string, (string? Says, Func<Tensor, object> Forward)> All =
        new(StringComparer.Ordinal)
    {
        ["branch at 65"] = ("no expression of sizes", x => x.shape[1] > 64 ? x * 2 : x * 3),
        ["branch at 300"] = ("no expression of sizes", x => x.shape[1] > 300 ? x * 2 : x * 3),
        ["branch at 20000"] = ("decides by sizes", x => x.shape[1] > 20000 ? x * 2 : x * 3),
        ["branch on the batch at 48"] = ("path depends on the sizes", x => x.shape[0] >= 48 ? x + 1 : x),
        ["branch on one size alone"] = ("path depends on the sizes", x => x.shape[1] == 200 ? x + 1 : x),
        ["branch on the number of elements"] = ("path depends on the sizes", x => x.numel() > 9000 ? x.relu() : x),
        ["branch on a product"] = ("path depends on the sizes", x => x.shape[0] * x.shape[1] > 777 ? x.relu() : x),
        ["branch on a quotient"] = ("path depends on the sizes", x => x.shape[1] / 100 >= 3 ? x.relu() : x),
        ["branch on a remainder"] = ("path depends on the sizes", x => x.shape[1] % 37 == 0 ? x.relu() : x),
        ["branch on bits"] = ("path depends on the sizes", x => (x.shape[1] & 128) != 0 ? x.relu() : x),
        ["branch on a shifted size"] = ("path depends on the sizes", x => x.shape[1] >> 8 > 0 ? x.relu() : x),
        ["branch on a real number"] = ("path depends on the sizes", x => x.shape[1] * 0.01 > 2.5 ? x.relu() : x),
        ["branch on an int"] = ("path depends on the sizes", x => (int)x.shape[1] < 256 ? x.relu() : x),
        ["branch on a flag that was kept"] = ("path depends on the sizes", x =>
        {
            var isLong = x.shape[1] >= 222;
            var y = x.relu();
            return isLong ? y : x;
        }),
        ["branch by a switch"] = ("path depends on the sizes",
            x => (int)x.shape[1] switch { 250 => x + 1, 251 => x + 2, 252 => x + 3, _ => x }),
        ["branch by a pattern"] = ("path depends on the sizes", x => x.shape is [_, > 240, _] ? x + 1 : x),
        ["smaller of two"] = ("no expression of sizes", x => x.sum(1) / Math.Min(x.shape[1], 160)),
        ["larger of two"] = ("no expression of sizes", x => x * Math.Max(x.shape[1], 160)),
        ["held between two"] = ("no expression of sizes", x => x * Math.Clamp(x.shape[1], 0, 170)),
        ["larger by LINQ"] = ("no expression of sizes", x => x * (new[] { x.shape[1], 180L }).Max()),
        ["any by LINQ"] = ("path depends on the sizes", x => x.shape.Any(size => size > 190) ? x.relu() : x),
        ["blocks of 256"] = ("no expression of sizes",
            x => F.pad(x, [0, 0, 0, (x.shape[1] + 255) / 256 * 256 - x.shape[1]])),
        ["blocks by a ceiling"] = ("no expression of sizes", x => x * (float)Math.Ceiling(x.shape[1] / 210.0)),
        ["whole part of a product"] = ("no expression of sizes", x => x * (int)(x.shape[1] * 0.004)),
        ["remainder as a number"] = ("no expression of sizes", x => x * (x.shape[1] % 230)),
        ["first 256 rows and their number"] = ("of its scale", x =>
        {
            var y = x[.., ..256];
            return y.sum(1) / y.shape[1];
        }),
        ["last 256 rows and their number"] = ("of its scale", x =>
        {
            var y = x[.., ^256..];
            return y.sum(1) / y.shape[1];
        }),
        ["rows after the 3rd from the end"] = (null, x => x[.., ^3..]),
        ["every 100th row"] = (null, x => x[.., TensorIndex.Slice(null, null, 100)]),
        ["parts of 128 rows"] = ("path depends on the sizes",
            x => cat(x.split(128, 1).Select(part => part - part.mean([1L], true)).ToArray(), 1)),
        ["parts of 128 rows by chunk"] = (null, x => x.chunk(2, 1)[0] * 2),
        ["rows in thirds by tensor_split"] = ("no expression of sizes", x => x.tensor_split(3, 1)[1].sum(1)),
        ["mask of a band"] = (null, x => x.matmul(x.mT)
            .masked_fill(ones(x.shape[1], x.shape[1]).tril().triu(-150).eq(0), -1)),
        ["mask from positions"] = (null, x =>
        {
            var position = arange(x.shape[1]);
            return x * position.less(100).to(ScalarType.Float32).unsqueeze(-1);
        }),
        ["distances held between limits"] = (null, x =>
        {
            var position = arange(x.shape[1]);
            return x + (position.unsqueeze(0) - position.unsqueeze(1)).clamp(-90, 90).sum(0).unsqueeze(-1);
        }),
        ["length as a tensor"] = (null, x => x / tensor((float)x.shape[1])),
        ["table of lengths"] = ("path depends on the sizes",
            x => x * tensor(new float[] { x.shape[0], x.shape[1] }).sum()),
        ["scale by the root of a size"] = (null, x => x / MathF.Sqrt(x.shape[1])),
        ["scale by a logarithm"] = ("no expression of sizes", x => x * Math.Log(x.shape[1])),
        ["power of two above"] = ("no expression of sizes", x =>
        {
            var size = 1;
            while (size < x.shape[1])
            {
                size *= 2;
            }

            return x * size;
        }),
        ["halves, rounded down"] = (null,
            x => x[.., ..(int)(x.shape[1] / 2)].sum(1) + x[.., (int)(x.shape[1] / 2)..].sum(1)),
        ["thirds, rounded up"] = (null, x => x[.., ..(int)((x.shape[1] + 2) / 3)].mean([1L])),
        ["view of pairs"] = (null, x => x.reshape(x.shape[0], -1, 2, 3).sum(-1)),
        ["view by minus one over batch"] = (null, x => x.view(-1, 6).cumsum(0).view(x.shape[0], -1, 6)),
        ["expand by the other axis"] = (null, x => x.sum(1, keepdim: true).expand(-1, x.shape[1], -1)),
        ["repeat as often as rows"] = (null, x => x[.., ..1].repeat(1, x.shape[1], 1) + x),
        ["pooled to seven"] = ("Its windows vary", x => F.adaptive_avg_pool1d(x.mT, 7)),
        ["resized by a size"] = (null,
            x => F.interpolate(x.mT, size: [x.shape[1] * 2 - 1], mode: InterpolationMode.Linear, align_corners: false)),
        ["eye of rows"] = (null, x => x + eye(x.shape[1], 6)),
        ["linspace over rows"] = (null, x => x * linspace(0, 1, x.shape[1]).unsqueeze(-1)),
        ["rows rolled by half"] = (null, x => x.roll(x.shape[1] / 2, 1)),
        ["top rows"] = ("no expression of sizes", x => x.topk((int)Math.Min(5, x.shape[1]), 1).values.sum(1)),
        ["table by size"] = ("no expression of sizes",
            x => x * new Dictionary<long, int> { [333] = 2 }.GetValueOrDefault(x.shape[1], 1)),
        ["array by size"] = ("path depends on the sizes",
            x => x.shape[1] < 400 && new bool[400].Length > 0 ? x * 2 : x),
        ["compared objects"] = ("path depends on the sizes", x => x.shape[1].CompareTo(350) > 0 ? x.relu() : x),
        ["equal objects"] = ("path depends on the sizes", x => x.shape[1].Equals(351L) ? x.relu() : x),
        ["equal arrays"] = ("path depends on the sizes", x => x.shape.SequenceEqual([2, 352, 6]) ? x.relu() : x),
    };
}
