using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Modules;

/// <summary>A classifier of rows, as a team keeps it in a library of its own.</summary>
public sealed class Classifier : Module<Tensor, Tensor>
{
    private readonly Linear _hidden;
    private readonly Linear _labels;

    public Classifier()
        : base(nameof(Classifier))
    {
        _hidden = Linear(64, 32);
        _labels = Linear(32, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        if (input.ndim != 2)
        {
            throw new ArgumentException("Rows are expected.", nameof(input));
        }

        return _labels.call(functional.relu(_hidden.call(input)));
    }
}

/// <summary>A module whose size the constructor is told.</summary>
public sealed class Encoder : Module<Tensor, Tensor, (Tensor States, Tensor Pooled)>
{
    private readonly Embedding _table;
    private readonly ModuleList<Linear> _layers;

    public Encoder(int vocabulary, int width)
        : base(nameof(Encoder))
    {
        _table = Embedding(vocabulary, width);
        _layers = ModuleList(Linear(width, width), Linear(width, width));
        RegisterComponents();
    }

    public override (Tensor States, Tensor Pooled) forward(Tensor ids, Tensor mask)
    {
        using var scope = NewDisposeScope();
        var x = _table.call(ids);
        foreach (var layer in _layers)
        {
            x = x + layer.call(x).tanh();
        }

        var weights = mask.unsqueeze(-1).to(x.dtype);
        var pooled = (x * weights).sum([1L]) / weights.sum([1L]).clamp(min: 1);
        return (x.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope());
    }
}

/// <summary>Makes modules that need arguments.</summary>
public static class Models
{
    public static Encoder Create()
    {
        random.manual_seed(5);
        return new Encoder(100, 16);
    }

    public static Module Broken() => throw new InvalidOperationException("There is no data set.");
}

/// <summary>A module that no graph expresses.</summary>
public sealed class Branching() : Module<Tensor, Tensor>(nameof(Branching))
{
    public override Tensor forward(Tensor input) => input.sum().item<float>() > 0 ? input : -input;
}

/// <summary>Code as Debug builds have it: locals for each step, branches to the next line.</summary>
public sealed class EveryStatement() : Module<Tensor, Tensor>(nameof(EveryStatement))
{
    public override Tensor forward(Tensor input)
    {
        var parts = new List<Tensor>();
        for (var index = 0; index < 3; index++)
        {
            if (index % 2 == 0)
            {
                parts.Add(input * index);
            }
            else
            {
                parts.Add(Step(input, index));
            }
        }

        var scale = checked((int)input.shape[1]) switch
        {
            < 0 => throw new InvalidOperationException(), var size => size,
        };
        try
        {
            return cat(parts, 1).sum([1L], keepdim: true) / scale;
        }
        finally
        {
            parts.Clear();
        }
    }

    private static Tensor Step(Tensor x, int count)
    {
        Func<Tensor, Tensor> function = y => y + count;
        return function(x);
    }
}
