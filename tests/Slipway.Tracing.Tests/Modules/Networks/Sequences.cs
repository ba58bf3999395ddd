using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Slipway.Tracing.Tests.Modules.Networks;

/// <summary>Networks on sequences of numbers and of ids.</summary>
internal static class Sequences
{
    public static readonly Dictionary<string, Case> All = new(StringComparer.Ordinal)
    {
        ["TCN"] = Case.OnSequences(() => new Tcn()),
        ["WaveNet"] = Case.OnSequences(() => new WaveNet()),
        ["LSTM classifier"] = Case.OnIds(() => new LstmClassifier()),
        ["GRU with attention"] = Case.OnIds(() => new GruAttention()),
        ["seq2seq with attention"] = new Case(
            () => new Seq2Seq(), () => [Case.Ids(2, 6), Case.Ids(2, 4)],
            [("source", 1, new DynamicAxis("source", 1, 40)), ("target", 1, new DynamicAxis("target", 1, 40))]),
        ["translation by transformer"] = new Case(
            () => new Translation(), () => [Case.Ids(2, 6), Case.Ids(2, 4)],
            [("source", 1, new DynamicAxis("source", 1, 40)), ("target", 1, new DynamicAxis("target", 1, 40))]),
        ["BERT"] = new Case(
            () => new Bert(), () => [Case.Ids(2, 6), ones(2, 6, dtype: ScalarType.Int64)],
            [("ids", 1, new DynamicAxis("length", 1, 64)), ("mask", 1, new DynamicAxis("length"))]),
        ["TextCNN"] = Case.OnIds(() => new TextCnn(), 5),
        ["fastText"] = Case.OnIds(() => new FastText()),
        ["Tacotron encoder"] = Case.OnIds(() => new Tacotron()),
        ["Conformer"] = Case.OnSequences(() => new Conformer()),
        ["DeepSpeech"] = Case.OnSequences(() => new DeepSpeech()),
        ["linear attention"] = Case.OnSequences(() => new LinearAttention()),
        ["relative positions"] = Case.OnSequences(() => new RelativePositions()),
    };

    // Causal convolutions with growing steps.
    private sealed class Tcn : Network
    {
        private readonly ModuleList<Conv1d> _layers = ModuleList(
            new[] { 1, 2, 4 }.Select(step => Conv1d(8, 8, 3, padding: 2 * step, dilation: step)).ToArray());

        public override Tensor forward(Tensor input)
        {
            var x = input.transpose(1, 2);
            foreach (var layer in _layers)
            {
                x = (x + layer.call(x)[.., .., ..(int)x.size(2)].relu()).relu();
            }

            return x.transpose(1, 2);
        }
    }

    private sealed class WaveNet : Network
    {
        private readonly ModuleList<Conv1d> _gates = ModuleList(
            Enumerable.Range(0, 3).Select(layer => Conv1d(8, 16, 2, dilation: 1 << layer)).ToArray());

        private readonly ModuleList<Conv1d> _skips = ModuleList(
            Enumerable.Range(0, 3).Select(_ => Conv1d(8, 8, 1)).ToArray());

        public override Tensor forward(Tensor input)
        {
            var x = input.mT;
            var skipped = zeros_like(x);
            for (var layer = 0; layer < _gates.Count; layer++)
            {
                var parts = _gates[layer].call(F.pad(x, [1 << layer, 0])).split(8, 1);
                var y = parts[0].tanh() * parts[1].sigmoid();
                skipped += _skips[layer].call(y);
                x = x + y;
            }

            return skipped.relu().mT;
        }
    }

    private sealed class LstmClassifier : Network
    {
        private readonly Embedding _table = Embedding(50, 8, padding_idx: 0);
        private readonly LSTM _read = LSTM(8, 6, numLayers: 2, batchFirst: true, bidirectional: true);
        private readonly Linear _labels = Linear(12, 3);

        public override Tensor forward(Tensor input)
        {
            var (_, hidden, _) = _read.call(_table.call(input));
            return _labels.call(cat([hidden[-2], hidden[-1]], 1));
        }
    }

    private sealed class GruAttention : Network
    {
        private readonly Embedding _table = Embedding(50, 8);
        private readonly GRU _read = GRU(8, 6, bidirectional: true);
        private readonly Linear _score = Linear(12, 1, hasBias: false);

        public override Tensor forward(Tensor input)
        {
            var (states, _) = _read.call(_table.call(input.t()));
            var scores = _score.call(states.tanh()).squeeze(-1).masked_fill(input.t().eq(0), -1e9);
            return (states * F.softmax(scores, 0).unsqueeze(-1)).sum(0);
        }
    }

    private sealed class Seq2Seq : Module<Tensor, Tensor, Tensor>
    {
        private readonly Embedding _source = Embedding(50, 8);
        private readonly Embedding _target = Embedding(50, 8);
        private readonly GRU _encoder = GRU(8, 8, batchFirst: true);
        private readonly GRU _decoder = GRU(8, 8, batchFirst: true);
        private readonly Linear _out = Linear(16, 50);

        public Seq2Seq()
            : base(nameof(Seq2Seq)) => RegisterComponents();

        public override Tensor forward(Tensor source, Tensor target)
        {
            var (states, last) = _encoder.call(_source.call(source));
            var (queries, _) = _decoder.call(_target.call(target), last);
            var weights = F.softmax(bmm(queries, states.transpose(1, 2)), -1);
            return _out.call(cat([queries, bmm(weights, states)], 2));
        }
    }

    private sealed class Translation : Module<Tensor, Tensor, Tensor>
    {
        private readonly Embedding _table = Embedding(50, 8);
        private readonly TransformerEncoder _encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16), 2);
        private readonly TransformerDecoder _decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, 16), 2);

        public Translation()
            : base(nameof(Translation)) => RegisterComponents();

        public override Tensor forward(Tensor source, Tensor target)
        {
            var memory = _encoder.call(Embed(source), null, null);
            var causal = full(target.shape[1], target.shape[1], float.NegativeInfinity).triu(1);
            var states = _decoder.call(Embed(target), memory, causal);
            return matmul(states.transpose(0, 1), _table.weight!.t());
        }

        private Tensor Embed(Tensor ids)
        {
            var position = arange(ids.shape[1], ScalarType.Float32).unsqueeze(1);
            var frequencies = (arange(0, 8, 2) * -(Math.Log(10000.0) / 8)).exp();
            var table = zeros(ids.shape[1], 8);
            table[.., TensorIndex.Slice(0, null, 2)] = (position * frequencies).sin();
            table[.., TensorIndex.Slice(1, null, 2)] = (position * frequencies).cos();
            return (_table.call(ids) * Math.Sqrt(8) + table).transpose(0, 1);
        }
    }

    private sealed class Bert : Module<Tensor, Tensor, (Tensor States, Tensor Pooled)>
    {
        private readonly Embedding _words = Embedding(50, 8);
        private readonly Embedding _positions = Embedding(64, 8);
        private readonly LayerNorm _norm = LayerNorm(8);
        private readonly Linear _qkv = Linear(8, 24);
        private readonly Linear _out = Linear(8, 8);
        private readonly Linear _pool = Linear(8, 8);

        public Bert()
            : base(nameof(Bert)) => RegisterComponents();

        public override (Tensor States, Tensor Pooled) forward(Tensor ids, Tensor mask)
        {
            var x = _norm.call(_words.call(ids) + _positions.call(arange(ids.shape[1], ScalarType.Int64)));
            var heads = _qkv.call(x).view(x.shape[0], x.shape[1], 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0);
            var bias = (1.0f - mask.unsqueeze(1).unsqueeze(1).to(ScalarType.Float32)) * -10000.0f;
            var weights = F.softmax(heads[0].matmul(heads[1].mT) / Math.Sqrt(4) + bias, -1);
            var mixed = weights.matmul(heads[2]).transpose(1, 2).contiguous().view(x.shape[0], x.shape[1], -1);
            x = _norm.call(x + _out.call(mixed));
            return (x, _pool.call(x[.., 0]).tanh());
        }
    }

    private sealed class TextCnn : Network
    {
        private readonly Embedding _table = Embedding(50, 8);
        private readonly ModuleList<Conv2d> _widths = ModuleList(
            new[] { 3, 4, 5 }.Select(width => Conv2d(1, 4, (width, 8))).ToArray());

        private readonly Linear _labels = Linear(12, 3);

        public override Tensor forward(Tensor input)
        {
            var x = _table.call(input).unsqueeze(1);
            var features = _widths.Select(conv => conv.call(x).relu().squeeze(3))
                .Select(map => F.max_pool1d(map, map.size(2)).squeeze(2)).ToArray();
            return _labels.call(cat(features, 1));
        }
    }

    private sealed class FastText : Network
    {
        private readonly EmbeddingBag _words = EmbeddingBag(50, 8, mode: TorchSharp.EmbeddingBagMode.Mean);
        private readonly Linear _labels = Linear(8, 3);

        public override Tensor forward(Tensor input) => _labels.call(_words.call(input, null, null)).softmax(1);
    }

    // A bank of convolutions, a highway and a recurrence in both directions.
    private sealed class Tacotron : Network
    {
        private readonly Embedding _table = Embedding(50, 8);
        private readonly ModuleList<Conv1d> _bank = ModuleList(
            Enumerable.Range(1, 4).Select(width => Conv1d(8, 4, width, padding: width / 2)).ToArray());

        private readonly Conv1d _projection = Conv1d(16, 8, 3, padding: 1);
        private readonly Linear _gate = Linear(8, 8);
        private readonly Linear _transform = Linear(8, 8);
        private readonly GRU _read = GRU(8, 4, batchFirst: true, bidirectional: true);

        public override Tensor forward(Tensor input)
        {
            var x = _table.call(input);
            var length = input.size(-1);
            var y = cat(_bank.Select(conv => conv.call(x.mT)[.., .., ..(int)length].relu()).ToList(), 1);
            y = F.max_pool1d(y, 2, stride: 1, padding: 1)[.., .., ..(int)length];
            x = x + _projection.call(y).mT;
            var gate = _gate.call(x).sigmoid();
            x = gate * _transform.call(x).relu() + (1 - gate) * x;
            return _read.call(x).Item1;
        }
    }

    private sealed class Conformer : Network
    {
        private readonly LayerNorm _norm = LayerNorm(8);
        private readonly Sequential _feed = Sequential(Linear(8, 16), SiLU(), Dropout(0.1), Linear(16, 8));
        private readonly MultiheadAttention _attention = MultiheadAttention(8, 2);
        private readonly Conv1d _pointwise = Conv1d(8, 16, 1);
        private readonly Conv1d _depthwise = Conv1d(8, 8, 3, padding: 1, groups: 8);
        private readonly BatchNorm1d _batch = BatchNorm1d(8);

        public override Tensor forward(Tensor input)
        {
            var x = input + 0.5 * _feed.call(_norm.call(input));
            var y = _norm.call(x).transpose(0, 1);
            x = x + _attention.call(y, y, y).Item1.transpose(0, 1);
            var z = F.glu(_pointwise.call(x.mT), 1);
            x = x + F.silu(_batch.call(_depthwise.call(z))).mT;
            return _norm.call(x + 0.5 * _feed.call(x));
        }
    }

    private sealed class DeepSpeech : Network
    {
        private readonly Sequential _feed = Sequential(Linear(8, 12), ReLU6(), Linear(12, 8), ReLU6());
        private readonly RNN _read = RNN(
            8, 6, batchFirst: true, bidirectional: true, nonLinearity: NonLinearities.ReLU);

        private readonly Linear _letters = Linear(12, 29);

        public override Tensor forward(Tensor input)
            => _letters.call(_read.call(_feed.call(input)).Item1).log_softmax(2);
    }

    // Sums over the past instead of a softmax over it.
    private sealed class LinearAttention : Network
    {
        private readonly Linear _qkv = Linear(8, 24);

        public override Tensor forward(Tensor input)
        {
            var parts = _qkv.call(input).chunk(3, -1);
            var (q, k) = (F.elu(parts[0], 1) + 1, F.elu(parts[1], 1) + 1);
            var state = einsum("btd,bte->btde", k, parts[2]).cumsum(1);
            return einsum("btd,btde->bte", q, state) / (q * k.cumsum(1)).sum(-1, keepdim: true);
        }
    }

    private sealed class RelativePositions : Network
    {
        private readonly Embedding _distances = Embedding(17, 2);
        private readonly Linear _qk = Linear(8, 16);

        public override Tensor forward(Tensor input)
        {
            var position = arange(input.shape[1], ScalarType.Int64);
            var distance = (position.unsqueeze(1) - position).clamp(-8, 8) + 8;
            var bias = _distances.call(distance).permute(2, 0, 1);
            var heads = _qk.call(input).view(input.shape[0], input.shape[1], 2, 2, 4).permute(2, 0, 3, 1, 4);
            var weights = (heads[0].matmul(heads[1].transpose(-2, -1)) + bias).softmax(-1);
            return weights.sum(1).matmul(input);
        }
    }
}
