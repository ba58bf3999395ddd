using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Tests.Modules;

/// <summary>C# as people write it in <c>forward</c>, each on real numbers [batch, rows, 6].</summary>
internal static class Constructs
{
    private static Tensor? _staticMask;

    public static readonly Dictionary<string, Func<Module<Tensor, object>>> All = new(StringComparer.Ordinal)
    {
        ["lambda"] = () => Of(x => Apply(x, y => y * 2)),
        ["captured variable"] = () => Of(x => { var z = x * 2; return Apply(x, y => y + z); }),
        ["method group"] = () => Of(x => Apply(x, Doubled)),
        ["operation as a delegate"] = () => Of(x => Apply(x, sigmoid)),
        ["LINQ select"] = () => Of(x => stack(Enumerable.Range(1, 3).Select(by => x * by).ToArray(), 0)),
        ["LINQ aggregate"] = () => Of(x => x.unbind(2).Aggregate((left, right) => left + right)),
        ["iterator"] = () => Of(x => cat([.. Powers(x, 3)], -1)),
        ["iterator through LINQ"] = () => Of(x => Powers(x, 3).Select(y => y + 1).ToList()),
        ["iterator by foreach"] = () => Of(x =>
        {
            var sum = zeros_like(x);
            foreach (var power in Powers(x, 3))
            {
                sum = sum + power;
            }

            return sum;
        }),
        ["local function"] = () => Of(x =>
        {
            Tensor Twice(Tensor y) => y + x;
            return Twice(x.relu());
        }),
        ["extension method"] = () => Of(x => x.Doubled()),
        ["ref argument"] = () => Of(x =>
        {
            var y = x;
            Double(ref y);
            return y;
        }),
        ["out argument"] = () => Of(x =>
        {
            Split(x, out var first, out var second);
            return first * second;
        }),
        ["try and finally"] = () => Of(x =>
        {
            try
            {
                return x * 2;
            }
            finally
            {
                GC.KeepAlive(x);
            }
        }),
        ["exception filter"] = () => Of(x =>
        {
            try
            {
                return x.view(-7, -7);
            }
            catch (Exception exception) when (exception.Message.Length > 0)
            {
                return x * 3;
            }
        }),
        ["using and dispose scope"] = () => Of(x =>
        {
            using var scope = NewDisposeScope();
            using var y = x * 2;
            using (var inner = NewDisposeScope())
            {
                return (y + 1).MoveToOuterDisposeScope().MoveToOuterDisposeScope();
            }
        }),
        ["tuple"] = () => Of(x => (x * 2, (x + 1, x.sum()))),
        ["list"] = () => Of(x => new List<Tensor> { x * 2, x + 1 }),
        ["dictionary"] = () => Of(x => new Dictionary<string, Tensor> { ["twice"] = x * 2, ["more"] = x + 1 }),
        ["record"] = () => Of(x => new Output(x * 2, null, x.mean())),
        ["class with a constructor that computes"] = () => Of(x => new Pair(x).Joined()),
        ["structure with a method"] = () => Of(x => new Scaled(x, 3).Value()),
        ["switch"] = () => Of(x => x.ndim switch { 3 => x.sum(2), _ => x }),
        ["loop over a fixed axis"] = () => Of(x =>
        {
            var sum = x[.., .., 0];
            for (var column = 1; column < x.shape[2]; column++)
            {
                sum = sum + x[.., .., column];
            }

            return sum;
        }),
        ["static lazily made mask"] = () => Of(x =>
            x * (_staticMask ??= ones(6).cumsum(0))),
        ["interface"] = () => Of(x => ((IStep)new Doubling()).Step(x)),
        ["inherited and virtual"] = () => Of(x => new Tripling().Step(x)),
        ["generic method"] = () => Of(x => Identity<Tensor>(x) * 2),
        ["array of delegates"] = () => Of(x =>
            new Func<Tensor, Tensor>[] { y => y + 1, y => y * 2 }.Aggregate(x, (y, step) => step(y))),
        ["string building beside"] = () => Of(x =>
        {
            var text = $"{x.shape[0]} {x.dtype} {string.Join(',', x.shape)}";
            return text.Length > 0 ? x * 2 : x;
        }),
        ["view written through"] = () => Of(x =>
        {
            var y = x.clone();
            y[.., .., ..2].mul_(3);
            return y;
        }),
        ["select written through"] = () => Of(x =>
        {
            var y = x.clone();
            y.select(2, 1).fill_(7);
            return y + 1;
        }),
        ["filled buffer of zeros"] = () => Of(x =>
        {
            var y = zeros(x.shape[0], x.shape[1], 8);
            y[.., .., ..6] = x;
            y.narrow(2, 6, 2).copy_(x[.., .., ..2]);
            return y;
        }),
        ["transpose written through"] = () => Of(x =>
        {
            var y = x.clone();
            y.transpose(1, 2)[.., 1..3].add_(5);
            return y;
        }),
        ["residual in place"] = () => Of(x =>
        {
            var y = x.relu();
            y += x;
            return y.add_(1);
        }),
        ["no gradients"] = () => Of(x =>
        {
            using (no_grad())
            {
                return x * 2;
            }
        }),
        ["modules in a dictionary"] = () => new InDictionary(),
        ["hooks"] = () => new Hooked(),
        ["shared layer"] = () => new Shared(),
        ["generic module"] = () => new Wrapped<Linear>(Linear(6, 4)),
        ["cache in a field"] = () => new FieldCache(),
        ["sequential"] = () => Module(
            "sequential", Sequential(Linear(6, 8), BatchNorm1d(3), ReLU(), Dropout(0.5), Linear(8, 2))),
    };

    public static Module<Tensor, object> Of(Func<Tensor, object> function) => new Function(function);

    private static Module<Tensor, object> Module(string name, Module<Tensor, Tensor> inner)
        => new Adapter(name, inner);

    private static Tensor Apply(Tensor x, Func<Tensor, Tensor> function) => function(x);

    private static IEnumerable<Tensor> Powers(Tensor x, int count)
    {
        var power = x;
        for (var index = 0; index < count; index++)
        {
            yield return power;
            power = power * x;
        }
    }

    private static Tensor Doubled(this Tensor x) => x * 2;

    private static void Double(ref Tensor x) => x = x * 2;

    private static void Split(Tensor x, out Tensor first, out Tensor second)
        => (first, second) = (x[.., .., ..3], x[.., .., 3..]);

    private static T Identity<T>(T value) => value;

    private interface IStep
    {
        Tensor Step(Tensor x);
    }

    private sealed record Output(Tensor Logits, Tensor? Loss, Tensor Mean);

    private sealed class Pair(Tensor x)
    {
        private readonly Tensor _first = x * 2;
        private readonly Tensor _second = x + 1;

        public Tensor Joined() => cat([_first, _second], -1);
    }

    private readonly struct Scaled(Tensor x, float by)
    {
        public Tensor Value() => x * by;
    }

    private class Doubling : IStep
    {
        public virtual Tensor Step(Tensor x) => x * 2;
    }

    private sealed class Tripling : Doubling
    {
        public override Tensor Step(Tensor x) => base.Step(x) + x;
    }

    private sealed class Function(Func<Tensor, object> function) : Module<Tensor, object>("Function")
    {
        public override object forward(Tensor input) => function(input);
    }

    private sealed class Adapter : Module<Tensor, object>
    {
        private readonly Module<Tensor, Tensor> _inner;

        public Adapter(string name, Module<Tensor, Tensor> inner)
            : base(name)
        {
            _inner = inner;
            RegisterComponents();
        }

        public override object forward(Tensor input) => _inner.call(input[.., ..1].expand(-1, 3, -1));
    }

    private sealed class InDictionary : Module<Tensor, object>
    {
        private readonly ModuleDict<Linear> _layers = ModuleDict(("first", Linear(6, 6)), ("second", Linear(6, 6)));

        public InDictionary()
            : base(nameof(InDictionary)) => RegisterComponents();

        public override object forward(Tensor input)
        {
            foreach (var (_, layer) in _layers)
            {
                input = layer.call(input).relu();
            }

            return input;
        }
    }

    private sealed class Hooked : Module<Tensor, object>
    {
        private readonly Linear _layer = Linear(6, 6);

        public Hooked()
            : base(nameof(Hooked))
        {
            RegisterComponents();
            _layer.register_forward_hook((_, _, output) => output * 3);
            _layer.register_forward_pre_hook((_, input) => input + 1);
        }

        public override object forward(Tensor input) => _layer.call(input);
    }

    private sealed class Shared : Module<Tensor, object>
    {
        private readonly Linear _layer = Linear(6, 6);

        public Shared()
            : base(nameof(Shared)) => RegisterComponents();

        public override object forward(Tensor input) => _layer.call(_layer.call(input).relu());
    }

    private sealed class Wrapped<T> : Module<Tensor, object>
        where T : Module<Tensor, Tensor>
    {
        private readonly T _inner;

        public Wrapped(T inner)
            : base("Wrapped")
        {
            _inner = inner;
            RegisterComponents();
        }

        public override object forward(Tensor input) => _inner.call(input);
    }

    private sealed class FieldCache : Module<Tensor, object>
    {
        private readonly List<Tensor> _seen = [];
        private Tensor? _last;

        public FieldCache()
            : base(nameof(FieldCache))
        {
        }

        public override object forward(Tensor input)
        {
            _seen.Add(input);
            _last = _last is null ? input : cat([_last, input], 1);
            return _last * _seen.Count;
        }
    }
}
