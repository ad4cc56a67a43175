namespace LoraSharp.Files;

/// <summary>A safetensors file that is truncated, malformed or hostile; the message names the file, the place and the cure.</summary>
public sealed class SafeTensorsException : IOException
{
    /// <summary>Creates the exception with a message.</summary>
    public SafeTensorsException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and its cause.</summary>
    public SafeTensorsException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
