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
    /// The optimizer of the QLoRA paper: AdamW whose moments are float32 whatever the parameter's type. Large ones lie in memory-mapped files, so that they can exceed
    /// the machine's memory.
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

    /// <summary>Lion whose large states lie in memory-mapped files.</summary>
    [JsonStringEnumMemberName("paged_lion_32bit")]
    PagedLion32Bit,

    /// <summary>AdamW whose moments take 8 bits an element (arXiv:2110.02861).</summary>
    [JsonStringEnumMemberName("adamw_bnb_8bit")]
    AdamW8Bit,

    /// <summary>bitsandbytes' Adam8bit: the same rule as <see cref="AdamW8Bit"/>, decay decoupled.</summary>
    [JsonStringEnumMemberName("adam_8bit")]
    Adam8Bit,

    /// <summary><see cref="AdamW8Bit"/> whose large states lie in memory-mapped files.</summary>
    [JsonStringEnumMemberName("paged_adamw_8bit")]
    PagedAdamW8Bit,

    /// <summary>Lion whose momentum takes 8 bits an element.</summary>
    [JsonStringEnumMemberName("lion_8bit")]
    Lion8Bit,

    /// <summary><see cref="Lion8Bit"/> whose large states lie in memory-mapped files.</summary>
    [JsonStringEnumMemberName("paged_lion_8bit")]
    PagedLion8Bit,

    /// <summary>Adafactor (arXiv:1804.04235): the second moment of a matrix is kept as a row and a column.</summary>
    [JsonStringEnumMemberName("adafactor")]
    Adafactor,
}
