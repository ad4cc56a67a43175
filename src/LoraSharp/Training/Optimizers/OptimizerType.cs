using System.Text.Json.Serialization;

namespace LoraSharp.Training;

/// <summary>The optimizers.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<OptimizerType>))]
public enum OptimizerType
{
    /// <summary>AdamW (Loshchilov and Hutter, arXiv:1711.05101): decay first, then Adam. The moments have the parameter's type.</summary>
    [JsonStringEnumMemberName("adamw_torch")]
    AdamW,

    /// <summary>
    /// The optimizer of the QLoRA paper: AdamW whose moments are float32 whatever the parameter's type. On the CPU the operating system pages
    /// the moments as it does all memory.
    /// </summary>
    [JsonStringEnumMemberName("paged_adamw_32bit")]
    PagedAdamW32Bit,

    /// <summary>Adam (arXiv:1412.6980); weight decay is added to the gradient.</summary>
    [JsonStringEnumMemberName("adam")]
    Adam,

    /// <summary>Stochastic gradient descent, with momentum if asked for.</summary>
    [JsonStringEnumMemberName("sgd")]
    Sgd,

    /// <summary>RMSprop, centred or with momentum if asked for.</summary>
    [JsonStringEnumMemberName("rmsprop")]
    RmsProp,

    /// <summary>Adagrad.</summary>
    [JsonStringEnumMemberName("adagrad")]
    Adagrad,

    /// <summary>Lion (arXiv:2302.06675): the sign of an interpolated momentum, decoupled decay.</summary>
    [JsonStringEnumMemberName("lion_32bit")]
    Lion,

    /// <summary>Adafactor (arXiv:1804.04235): the second moment of a matrix is kept as a row and a column.</summary>
    [JsonStringEnumMemberName("adafactor")]
    Adafactor,
}
