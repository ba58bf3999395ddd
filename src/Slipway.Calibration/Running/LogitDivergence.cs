using System.Buffers;
using System.Numerics.Tensors;
using Microsoft.ML.OnnxRuntime;
using Slipway.Sampling;

namespace Slipway.Calibration.Running;

/// <summary>Compares logits with those of a reference, whose probabilities it holds.</summary>
/// <remarks>
/// <code>
/// d = q − p, less its mean under p:   KL(p‖q) = log(1 + Σ probability · (exp(d) − 1 − d))
/// </code>
/// All terms are positive, so that small divergences keep their digits. The first token of each row counts for nothing.
/// </remarks>
internal sealed class LogitDivergence
{
    private readonly float[] _logits;
    private readonly float[] _probabilities;
    private readonly int _length;
    private readonly int _vocabularySize;

    /// <param name="logits">The reference's, [rows, tokens, vocabulary].</param>
    public LogitDivergence(OrtValue logits)
    {
        var shape = logits.GetTensorTypeAndShape().Shape;
        (_length, _vocabularySize) = ((int)shape[1], (int)shape[2]);
        _logits = logits.GetTensorDataAsSpan<float>().ToArray();
        _probabilities = new float[_logits.Length];
        Parallel.For(0, _logits.Length / _vocabularySize, token =>
        {
            var at = token * _vocabularySize;
            Softmax.Probabilities(_logits.AsSpan(at, _vocabularySize), _probabilities.AsSpan(at, _vocabularySize));
        });
    }

    /// <summary>The mean divergence of others from them, nats a token.</summary>
    public double To(OrtValue logits)
    {
        var others = ArrayPool<float>.Shared.Rent(_logits.Length);
        logits.GetTensorDataAsSpan<float>().CopyTo(others);
        var sums = new double[_logits.Length / _vocabularySize];
        Parallel.For(0, sums.Length, token =>
        {
            if (token % _length != 0)
            {
                sums[token] = At(token * _vocabularySize, others);
            }
        });
        ArrayPool<float>.Shared.Return(others);
        return sums.Sum() / (sums.Length - (sums.Length / _length));
    }

    private double At(int start, float[] others)
    {
        var probabilities = _probabilities.AsSpan(start, _vocabularySize);
        var differences = others.AsSpan(start, _vocabularySize);
        var rented = ArrayPool<float>.Shared.Rent(_vocabularySize);
        var terms = rented.AsSpan(0, _vocabularySize);
        TensorPrimitives.Subtract(differences, _logits.AsSpan(start, _vocabularySize), differences);
        TensorPrimitives.Subtract(differences, TensorPrimitives.Dot(probabilities, differences), differences);
        TensorPrimitives.Exp(differences, terms);
        TensorPrimitives.Subtract(terms, 1, terms);
        TensorPrimitives.Subtract(terms, differences, terms);
        var sum = TensorPrimitives.Dot<float>(probabilities, terms);
        ArrayPool<float>.Shared.Return(rented);
        return Math.Log(1.0 + sum);
    }
}
