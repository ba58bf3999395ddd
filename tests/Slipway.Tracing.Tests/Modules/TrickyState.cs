using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Modules on real numbers [batch, rows, 6] that write through views, keep state or hide reads.</summary>
/// <remarks>Each with words of its refusal or warning; null for one that is to be right at every size.</remarks>
internal static class TrickyState
{
    private static readonly Dictionary<long, Tensor> Tables = [];
    private static int _static;
    private static Tensor? _table;

    public static readonly Dictionary<string, (string? Says, Func<Module<Tensor, object>> Make)> All =
        new(StringComparer.Ordinal)
    {
        ["relu in place, then the input of it"] = (null, () => Of(x =>
        {
            var y = x * 2;
            var z = F.relu(y, inplace: true);
            return y + z;
        })),
        ["layer in place in a residual"] = (null, () => new InPlaceResidual()),
        ["dropout of evaluation in place"] = ("memory that another tensor shares", () => Of(x =>
        {
            var y = x * 2;
            var z = F.dropout(y, 0.5, training: false, inplace: true);
            return z.add_(1) + y;
        })),
        ["parts of a chunk written"] = ("memory that another tensor shares", () => Of(x =>
        {
            var y = x * 1;
            var parts = y.chunk(3, 2);
            parts[0].add_(1);
            parts[2].mul_(parts[0]);
            return y;
        })),
        ["parts of a split written after the whole"] = ("memory that another tensor shares", () => Of(x =>
        {
            var y = x * 1;
            var parts = y.split(2, 2);
            y.add_(3);
            parts[1].mul_(2);
            return (y, parts[1]);
        })),
        ["unbound columns written"] = ("memory that another tensor shares", () => Of(x =>
        {
            var y = x * 1;
            var columns = y.unbind(2);
            columns[1].zero_();
            columns[2].copy_(columns[0]);
            return y;
        })),
        ["plus equals on a view"] = (null, () => Of(x =>
        {
            var y = x * 1;
            var view = y[.., .., 1..4];
            view += 5;
            return y;
        })),
        ["view of a view of a view"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.mT[.., 1..4].mT[.., .., 1..].unsqueeze(0).fill_(9);
            return y * 2;
        })),
        ["slice that steps is written"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y[.., .., TensorIndex.Slice(0, null, 2)] = 7;
            return y;
        })),
        ["a row is set by its last position"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y[.., -1] = x[.., 0] * 2;
            return y;
        })),
        ["masked positions are set"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y[y > 0.3] = -1;
            return y;
        })),
        ["positions are put"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.index_put_(x[0, 0, 0], tensor(0L), tensor(0L), tensor(2L));
            return y;
        })),
        ["flat view is written"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.view(-1)[..3] = 4;
            y.flatten()[3] = 5;
            return y;
        })),
        ["reshape that copies is written"] = ("path depends on the sizes", () => Of(x =>
        {
            var y = x * 1;
            y.mT.reshape(-1).fill_(4);
            return y;
        })),
        ["contiguous that copies, and one that does not"] = ("path depends on the sizes", () => Of(x =>
        {
            var y = x * 1;
            y.mT.contiguous().add_(4);
            y.contiguous().add_(2);
            return y;
        })),
        ["conversion that copies, and one that does not"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.to(ScalarType.Float64).add_(4);
            y.to(ScalarType.Float32).add_(2);
            return y;
        })),
        ["detached alias is written"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.detach().add_(2);
            y.alias().mul_(3);
            return y;
        })),
        ["diagonal is filled"] = ("memory that another tensor shares", () => Of(x =>
        {
            var y = x.mT.matmul(x);
            y.diagonal(0, 1, 2).fill_(1);
            return y;
        })),
        ["expanded tensor is added into"] = (null, () => Of(x =>
        {
            var y = x * 1;
            y.add_(x.sum(2, keepdim: true).expand(-1, -1, 6));
            return y;
        })),
        ["squeezed view is written"] = (null, () => Of(x =>
        {
            var y = x.unsqueeze(0) * 1;
            y.squeeze(0).add_(1);
            y.movedim([0], [3]).mul_(2);
            return y;
        })),
        ["input through an alias"] = ("writes into its input", () => Of(x =>
        {
            x.view(x.shape[0], -1)[.., 0] = 5;
            return x;
        })),
        ["swap of halves"] = (null, () => Of(x =>
        {
            var y = x * 1;
            var old = y[.., .., ..3];
            y[.., .., ..3] = y[.., .., 3..];
            y[.., .., 3..] = old;
            return y;
        })),
        ["value kept before a write"] = (null, () => Of(x =>
        {
            var y = x * 1;
            var before = y[.., .., 0];
            var copy = before.clone();
            y.zero_();
            return (before + 1, copy);
        })),
        ["accumulator made outside of the loop"] = (null, () => Of(x =>
        {
            var sum = zeros_like(x);
            foreach (var by in (float[])[1, 2, 3])
            {
                sum.add_(x, by);
                sum[.., 0] += by;
            }

            return sum;
        })),
        ["constant written in forward"] = ("made before or out of sight", () => new WritesConstant()),
        ["buffer written in forward"] = ("keeps nothing between runs", () => new WritesBuffer()),
        ["counter in an array"] = ("changed the field", () => new CountsInArray()),
        ["counter in a closure"] = ("changed the field", () =>
        {
            var count = 0;
            return Of(x => x * (++count > 9 ? 2 : 1));
        }),
        ["static counter"] = ("changed the field", () => Of(x => x * (++_static > 9 ? 2 : 1))),
        ["static table grown when needed"] = ("changed the field", () => Of(x =>
        {
            if (_table is null || _table.shape[0] < x.shape[1])
            {
                _table = arange(x.shape[1], ScalarType.Float32).DetachFromDisposeScope();
            }

            return x + _table[..(int)x.shape[1]].unsqueeze(-1);
        })),
        ["table made for the first size"] = ("changed the field", () => new FirstSize()),
        ["cache by size"] = ("path depends on the sizes", () => new CacheBySize()),
        ["lazy table"] = ("changed the field", () => new LazyTable()),
        ["table of all sizes in a static dictionary"] = ("changed the field", () => Of(x =>
        {
            if (!Tables.TryGetValue(x.shape[1], out var table))
            {
                Tables[x.shape[1]] = table = arange(x.shape[1], ScalarType.Float32).DetachFromDisposeScope();
            }

            return x + table.unsqueeze(-1);
        })),
        ["queue of the last inputs"] = ("changed the field", () => new Queued()),
        ["layers that are not registered, in training"] = ("Dropout that is told", () => new Unregistered()),
        ["batch norm without running statistics"] = ("without running",
            () => new Adapted(BatchNorm1d(6, track_running_stats: false))),
        ["batch norm by a function in training"] = ("without running", () => Of(x => F.batch_norm(
            x.mT, zeros(6), ones(6), training: true))),
        ["dropout as people forget it"] = ("Dropout that is told", () => Of(x => F.dropout(x, 0.5, true))),
        ["alpha dropout layer that trains"] = ("Dropout that is told", () => new StaysInTraining(AlphaDropout(0.5))),
        ["hook that counts"] = ("changed the field", () => new HookThatCounts()),
        ["hook on a part that replaces its output"] = (null, () => new HookThatReplaces()),
        ["random numbers of a generator"] = ("Random numbers",
            () => Of(x => x + rand([6], generator: new Generator(7)))),
        ["random numbers of the framework"] = (null, () => Of(x => x * new Random(7).NextSingle())),
        ["random numbers of the framework that differ"] = ("no expression of sizes",
            () => Of(x => x * Random.Shared.NextSingle())),
        ["values read by a string"] = ("path depends on the sizes", () => Of(x =>
            x.sum().ToString(TorchSharp.TensorStringStyle.Numpy).Contains('-', StringComparison.Ordinal) ? x : x * 2)),
        ["values read by reflection"] = ("tracing did not see", () => Of(x => (Tensor)typeof(TrickyState)
            .GetMethod(nameof(Doubled))!.Invoke(null, [x])!)),
        ["sign of all elements"] = ("reads the elements",
            () => Of(x => (x * x).greater_equal(0).all().item<bool>() ? x : x * 2)),
        ["equal tensors"] = ("reads the elements", () => Of(x => x.eq(x.abs()).all().ToBoolean() ? x : x * 2)),
        ["dynamic call"] = ("tracing did not see", () => Of(x =>
        {
            dynamic y = x;
            return (Tensor)y.relu();
        })),
        ["lazy value"] = (null, () => Of(x =>
        {
            Lazy<Tensor> lazy = new(() => x * 2);
            return lazy.Value + x;
        })),
        ["division of integers"] = (null, () => Of(x =>
        {
            var whole = (x * 10).to(ScalarType.Int64);
            return (
                whole / 3, whole.floor_divide(-3), whole % 3, whole.fmod(3), -whole % 4,
                whole.bitwise_right_shift(tensor(1L)));
        })),
        ["bytes that overflow"] = (null, () => Of(x =>
        {
            var bytes = (x.abs() * 100).to(ScalarType.Byte);
            return ((bytes + bytes).to(ScalarType.Int32), bytes.sum(2), bytes.mul(2).to(ScalarType.Float32));
        })),
        ["mean of integers and sum of flags"] = (null, () => Of(x =>
            ((x > 0).sum(2), (x > 0).to(ScalarType.Float32).mean([2L]), (x * 5).to(ScalarType.Int32).sum([1L])))),
        ["rounding to even, and towards zero"] = (null, () => Of(x =>
            ((x * 4).round() / 2, (x * 4).trunc(), (x * 4).frac(), (x * 4).to(ScalarType.Int32), (x * 2).sgn()))),
        ["rows without an open position"] = (null, () => Of(x =>
        {
            var scores = x.masked_fill(x < 0.5, float.NegativeInfinity);
            return F.softmax(scores, -1).nan_to_num(0);
        })),
    };

    public static Tensor Doubled(Tensor x) => x * 2;

    private static Module<Tensor, object> Of(Func<Tensor, object> function) => Constructs.Of(function);
}
