using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks on sets of points and on graphs.</summary>
internal static class Sets
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["deep sets"] = Case.OnSequences(() => new DeepSets()),
        ["set transformer"] = Case.OnSequences(() => new SetTransformer()),
        ["PointNet"] = new Case(
            () => new PointNet(), () => [Case.Normal(2, 3, 7)], [("input", 2, new DynamicAxis("points", 1, 300))]),
        ["graph convolutions"] = Graph(() => new GraphConvolution()),
        ["graph attention"] = Graph(() => new GraphAttention()),
        ["GraphSAGE"] = Graph(() => new Sage()),
    };

    private static Case Graph(Func<Module> make) => new(
        make, () => [Case.Normal(2, 5, 8), Case.Normal(2, 5, 5).greater(0).to(ScalarType.Float32)], [
            ("nodes", 1, new DynamicAxis("count", 1, 60)), ("edges", 1, new DynamicAxis("count")),
            ("edges", 2, new DynamicAxis("count"))]);

    private sealed class DeepSets : Network
    {
        private readonly Linear _each = Linear(8, 12);
        private readonly Linear _all = Linear(24, 3);

        public override Tensor forward(Tensor input)
        {
            var x = F.elu(_each.call(input), 1);
            return _all.call(cat([x.mean([1L]), x.amax([1])], -1));
        }
    }

    private sealed class SetTransformer : Network
    {
        private readonly Parameter _points = Parameter(randn(1, 3, 8));
        private readonly MultiheadAttention _gather = MultiheadAttention(8, 2);
        private readonly MultiheadAttention _spread = MultiheadAttention(8, 2);

        public override Tensor forward(Tensor input)
        {
            var x = input.transpose(0, 1);
            var points = _points.transpose(0, 1).expand(3, x.shape[1], 8);
            var inner = _gather.call(points, x, x).Item1;
            return _spread.call(x, inner, inner).Item1.transpose(0, 1);
        }
    }

    // A matrix that turns the points comes from the points.
    private sealed class PointNet : Network
    {
        private readonly Conv1d _turn = Conv1d(3, 8, 1);
        private readonly Linear _matrix = Linear(8, 9);
        private readonly Conv1d _features = Conv1d(3, 16, 1);
        private readonly Linear _labels = Linear(16, 5);

        public override Tensor forward(Tensor input)
        {
            var code = _turn.call(input).relu().max(2, keepdim: true).values.view(-1, 8);
            var matrix = _matrix.call(code).view(-1, 3, 3) + eye(3).view(1, 3, 3).repeat(code.shape[0], 1, 1);
            var turned = bmm(input.transpose(2, 1), matrix).transpose(2, 1);
            return F.log_softmax(_labels.call(_features.call(turned).max(2).values), 1);
        }
    }

    private sealed class GraphConvolution : Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear _first = Linear(8, 12);
        private readonly Linear _second = Linear(12, 4);

        public GraphConvolution()
            : base(nameof(GraphConvolution)) => RegisterComponents();

        public override Tensor forward(Tensor nodes, Tensor edges)
        {
            var own = edges + eye(edges.shape[1]);
            var degree = own.sum(-1).pow(-0.5);
            var normal = degree.unsqueeze(-1) * own * degree.unsqueeze(1);
            return normal.bmm(_second.call(normal.bmm(_first.call(nodes)).relu()));
        }
    }

    private sealed class GraphAttention : Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear _project = Linear(8, 6);
        private readonly Parameter _left = Parameter(randn(6, 1));
        private readonly Parameter _right = Parameter(randn(6, 1));

        public GraphAttention()
            : base(nameof(GraphAttention)) => RegisterComponents();

        public override Tensor forward(Tensor nodes, Tensor edges)
        {
            var x = _project.call(nodes);
            var scores = F.leaky_relu(x.matmul(_left) + x.matmul(_right).transpose(1, 2), 0.2);
            var weights = where(edges > 0, scores, full_like(scores, -9e15)).softmax(-1);
            return F.elu(weights.matmul(x), 1);
        }
    }

    private sealed class Sage : Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear _both = Linear(16, 6);

        public Sage()
            : base(nameof(Sage)) => RegisterComponents();

        public override Tensor forward(Tensor nodes, Tensor edges)
        {
            var mean = edges.bmm(nodes) / edges.sum(2, keepdim: true).clamp(min: 1);
            return F.normalize(_both.call(cat([nodes, mean], 2)).relu(), dim: 2);
        }
    }
}
