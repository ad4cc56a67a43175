using System.Runtime.Intrinsics;

namespace LoraSharp.Quantization;

/// <summary>What preparing a row of x found out about it, lane by lane.</summary>
internal struct PreparedError
{
    /// <summary>
    /// The error of the prepared elements may be this part of what the row holds besides the largest element of each eight. It is a quarter of what rounding the weights to
    /// brain floats may do to the result. Leaving the largest elements out means that the small ones count even where the weight of a huge one is zero.
    /// </summary>
    private const float Allowed = 1f / 1024;

    /// <summary>Sums scaled afterwards neither overflow nor lose bits as denormals while the largest element is within these bounds.</summary>
    private const float Smallest = 8.271806e-25f, Largest = 1.2089258e24f;

    private Vector256<int> _largest;
    private Vector256<float> _error;
    private Vector256<float> _rest;

    /// <summary>Whether the row can be used: its elements are finite and of usual size, and the prepared ones are near enough to them.</summary>
    public readonly bool IsAcceptable
    {
        get
        {
            float largest = 0;
            for (int i = 0; i < 8; i++)
            {
                float lane = BitConverter.Int32BitsToSingle(_largest[i]);
                if (!float.IsFinite(lane))
                {
                    return false;
                }

                largest = Math.Max(largest, lane);
            }

            return (largest == 0 || (largest >= Smallest && largest <= Largest)) && Vector256.Sum(_error) <= Allowed * Vector256.Sum(_rest);
        }
    }

    /// <summary>Adds the magnitudes of elements as bits, which order like the values, NaN above infinity above all.</summary>
    public void AddMagnitude(Vector256<int> bits) => _largest = Vector256.Max(_largest, bits);

    /// <summary>Adds the error of elements, and the magnitudes of those that are not the largest of their eight.</summary>
    public void Add(Vector256<float> error, Vector256<float> rest)
    {
        _error += error;
        _rest += rest;
    }
}
