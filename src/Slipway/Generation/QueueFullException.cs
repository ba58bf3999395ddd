namespace Slipway;

/// <summary>Says that a model's queue has no room for another request.</summary>
public sealed class QueueFullException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public QueueFullException()
        : this("The queue is full.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is full and what to do.</param>
    public QueueFullException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is full and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public QueueFullException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
