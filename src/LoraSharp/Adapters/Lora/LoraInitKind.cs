namespace LoraSharp;

/// <summary>The initialisations of LoRA.</summary>
public enum LoraInitKind
{
    /// <summary>Uniform A, zero B.</summary>
    Default,

    /// <summary>Both random.</summary>
    Random,

    /// <summary>Normal A, zero B.</summary>
    Gaussian,

    /// <summary>Both random with a product of zero.</summary>
    Orthogonal,

    /// <summary>Principal singular vectors, exactly.</summary>
    Pissa,

    /// <summary>Principal singular vectors, by a randomised decomposition.</summary>
    PissaFast,

    /// <summary>QR decomposition.</summary>
    Olora,

    /// <summary>The error of quantisation.</summary>
    Loftq,

    /// <summary>Principal directions of the inputs.</summary>
    Eva,

    /// <summary>Weight times covariance of the inputs.</summary>
    Corda,
}
