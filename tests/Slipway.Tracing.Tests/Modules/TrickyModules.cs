using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>Adds what a layer gave after it was changed in place.</summary>
internal sealed class InPlaceResidual : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.Linear _layer = Linear(6, 6);
    private readonly TorchSharp.Modules.ReLU _relu = ReLU(inplace: true);

    public InPlaceResidual()
        : base(nameof(InPlaceResidual)) => RegisterComponents();

    public override object forward(Tensor input)
    {
        var x = _layer.call(input);
        var y = _relu.call(x);
        return _layer.call(y) + x;
    }
}

/// <summary>Counts in a tensor that is no buffer.</summary>
internal sealed class WritesConstant() : Module<Tensor, object>(nameof(WritesConstant))
{
    private readonly Tensor _sum = zeros(6);

    public override object forward(Tensor input)
    {
        _sum.add_(1);
        return input + _sum;
    }
}

/// <summary>Keeps statistics in a buffer.</summary>
internal sealed class WritesBuffer : Module<Tensor, object>
{
    private readonly Tensor _sum = zeros(6);

    public WritesBuffer()
        : base(nameof(WritesBuffer)) => register_buffer("sum", _sum);

    public override object forward(Tensor input)
    {
        _sum.copy_(input.sum(1).mean([0L]));
        return input + _sum;
    }
}

/// <summary>Counts its runs in an array.</summary>
internal sealed class CountsInArray() : Module<Tensor, object>(nameof(CountsInArray))
{
    private readonly int[] _count = new int[1];

    public override object forward(Tensor input) => input * (_count[0]++ > 9 ? 2 : 1);
}

/// <summary>Keeps the table of the first size that it saw.</summary>
internal sealed class FirstSize() : Module<Tensor, object>(nameof(FirstSize))
{
    private Tensor? _mask;

    public override object forward(Tensor input)
    {
        _mask ??= arange(input.shape[1]).DetachFromDisposeScope();
        return input * _mask.sum();
    }
}

/// <summary>Keeps a table for each size, one of them wrong.</summary>
internal sealed class CacheBySize() : Module<Tensor, object>(nameof(CacheBySize))
{
    private readonly Dictionary<long, Tensor> _cache = new() { [100] = zeros(100) };

    public override object forward(Tensor input)
    {
        if (!_cache.TryGetValue(input.shape[1], out var table))
        {
            table = arange(input.shape[1], ScalarType.Float32).DetachFromDisposeScope();
            _cache[input.shape[1]] = table;
        }

        return input + table.unsqueeze(-1);
    }
}

/// <summary>Makes a table when it is first needed.</summary>
internal sealed class LazyTable() : Module<Tensor, object>(nameof(LazyTable))
{
    private readonly Lazy<Tensor> _table = new(() => ones(6).cumsum(0).DetachFromDisposeScope());

    public override object forward(Tensor input) => input * _table.Value;
}

/// <summary>Keeps the last inputs in a queue.</summary>
internal sealed class Queued() : Module<Tensor, object>(nameof(Queued))
{
    private readonly Queue<Tensor> _last = new();

    public override object forward(Tensor input)
    {
        _last.Enqueue(input.sum().DetachFromDisposeScope());
        return input * _last.Count;
    }
}

/// <summary>Has layers that torch knows nothing of, still in training.</summary>
internal sealed class Unregistered() : Module<Tensor, object>(nameof(Unregistered))
{
    private readonly List<Module<Tensor, Tensor>> _layers = [Linear(6, 6), Dropout(0.5), ReLU()];

    public override object forward(Tensor input) => _layers.Aggregate(input, (x, layer) => layer.call(x));
}

/// <summary>Gives a layer [batch, 6, rows].</summary>
internal sealed class Adapted : Module<Tensor, object>
{
    private readonly Module<Tensor, Tensor> _inner;

    public Adapted(Module<Tensor, Tensor> inner)
        : base(nameof(Adapted))
    {
        _inner = inner;
        RegisterComponents();
    }

    public override object forward(Tensor input) => _inner.call(input.mT);
}

/// <summary>Sets a layer to train whenever it runs.</summary>
internal sealed class StaysInTraining : Module<Tensor, object>
{
    private readonly Module<Tensor, Tensor> _inner;

    public StaysInTraining(Module<Tensor, Tensor> inner)
        : base(nameof(StaysInTraining))
    {
        _inner = inner;
        RegisterComponents();
    }

    public override object forward(Tensor input)
    {
        _inner.train();
        return _inner.call(input);
    }
}

/// <summary>Changes its output after ten runs.</summary>
internal sealed class HookThatCounts : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.Linear _layer = Linear(6, 6);
    private int _count;

    public HookThatCounts()
        : base(nameof(HookThatCounts))
    {
        RegisterComponents();
        _layer.register_forward_hook((_, _, output) => ++_count > 9 ? output * 2 : output);
    }

    public override object forward(Tensor input) => _layer.call(input);
}

/// <summary>Adds the mean of its input in a hook.</summary>
internal sealed class HookThatReplaces : Module<Tensor, object>
{
    private readonly TorchSharp.Modules.Sequential _layers = Sequential(Linear(6, 6), ReLU());

    public HookThatReplaces()
        : base(nameof(HookThatReplaces))
    {
        RegisterComponents();
        _layers.register_forward_hook((_, input, output) => output.add_(input.mean()));
    }

    public override object forward(Tensor input) => _layers.call(input);
}
