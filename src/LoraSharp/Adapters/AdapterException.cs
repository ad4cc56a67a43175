namespace LoraSharp.Adapters;

/// <summary>An adapter that cannot be added, loaded, merged or saved; the message names the cause, the value and the cure.</summary>
public sealed class AdapterException : InvalidOperationException
{
    /// <summary>Creates the exception with a message.</summary>
    public AdapterException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public AdapterException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
