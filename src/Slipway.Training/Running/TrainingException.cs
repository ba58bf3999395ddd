namespace Slipway.Training.Running;

/// <summary>Reports that a training run cannot start or go on.</summary>
public sealed class TrainingException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong, what was expected and what to do.</param>
    /// <param name="innerException">What caused it.</param>
    public TrainingException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
