using System.Numerics.Tensors;

/// <summary>Sums how well logits predict tokens.</summary>
internal sealed class Likelihood
{
    private double _nats;
    private long _tokens;

    public double Perplexity => Math.Exp(_nats / _tokens);

    public void Add(ReadOnlySpan<float> logits, int token)
    {
        var largest = TensorPrimitives.Max(logits);
        double sum = 0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        _nats += Math.Log(sum) + largest - logits[token];
        _tokens++;
    }
}
