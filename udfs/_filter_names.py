"""The filters of FFmpeg that a recipe may use.

One input, one output; none can read or write a file, take commands from outside, hold a whole film in memory, or go on
for ever. A build of FFmpeg may lack some.
"""

VIDEO = frozenset(
    """
    atadenoise avgblur bilateral boxblur bwdif cas chromahold chromakey chromanr chromashift colorbalance
    colorchannelmixer colorcontrast colorcorrect colorhold colorize colorkey colorlevels colorspace colortemperature
    convolution copy crop dblur dctdnoiz deband deblock dedot deflate deflicker dejudder despill detelecine dilation
    drawbox drawgrid edgedetect elbg epx eq erosion estdif exposure fade fftdnoiz fftfilt field fieldorder
    fillborders floodfill format fps framerate framestep gblur geq gradfun grayworld greyedge hflip hqdn3d hqx
    hsvhold hsvkey hue huesaturation il inflate kerndeint kirsch lagfun lenscorrection limiter lumakey lut lutrgb
    lutyuv maskfun median minterpolate monochrome mpdecimate negate nlmeans noise normalize null pad perspective
    pixelize prewitt pseudocolor removegrain rgbashift roberts rotate scale scharr scroll selectivecolor
    separatefields setdar setfield setparams setpts setrange setsar settb shear shufflepixels shuffleplanes
    smartblur sobel stereo3d swaprect swapuv tblend telecine tmedian tmidequalizer tmix tonemap transpose trim
    unsharp v360 vflip vibrance vignette w3fdif weave xbr yadif yaepblur zoompan
    """.split()  # noqa: SIM905
)
AUDIO = frozenset(
    """
    acompressor acontrast acopy acrusher adeclick adeclip adecorrelate adelay adenorm aderivative adrc
    adynamicequalizer adynamicsmooth aecho aemphasis aeval aexciter afade afftdn afftfilt aformat afreqshift afwtdn
    agate aintegral alimiter allpass amplify anlmdn anull aphaser aphaseshift apsyclip apulsator aresample areverse
    asetnsamples asetpts asetrate asettb asoftclip asubboost asubcut asupercut asuperpass asuperstop atempo atilt
    atrim bandpass bandreject bass biquad channelmap chorus compand compensationdelay crossfeed crystalizer dcshift
    deesser dialoguenhance dynaudnorm earwax equalizer extrastereo firequalizer flanger haas hdcd highpass highshelf
    loudnorm lowpass lowshelf mcompand pan rubberband silenceremove speechnorm stereotools stereowiden
    superequalizer surround tiltshelf treble tremolo vibrato virtualbass volume
    """.split()  # noqa: SIM905
)
# Options of some of them, which would write a file.
FILE_OPTIONS = frozenset({"dumpfile", "psfile", "stats_file"})
